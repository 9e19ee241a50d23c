-- What makes work without being theft?
--
-- For: tuning: which tokens and detectors cause most findings, and who should have an allow-list entry.
-- Answer: one row a token with several findings, those with most first. Many findings of one detector about one owner, incident after
--   incident, is a habit that the profile does not know: say "it was us", or add it to an allow-list. A token with many detectors is no noise.
-- Parameter: days UInt32 = 30         how far back
-- Parameter: min_findings UInt32 = 3  fewer are left out
SELECT
    lower(hex(f.token))                                     AS token_hex,
    anyLast(f.token_hint)                                   AS token_hint,
    anyLast(f.consumer)                                     AS consumer,
    count()                                                 AS findings,
    uniqExact(toDate(f.ts))                                 AS days,
    arraySort(groupUniqArrayArray(f.evidence.detector))     AS detectors,
    topK(3)(f.evidence.key[1])                              AS strongest_keys,
    round(max(f.score), 2)                                  AS highest_score,
    any(i.incidents)                                        AS incidents,
    max(f.ts)                                               AS last_at
FROM findings AS f FINAL
LEFT JOIN (SELECT token, count() AS incidents FROM incidents FINAL GROUP BY token) AS i ON i.token = f.token
WHERE f.ts >= now('UTC') - toIntervalDay({days:UInt32})
GROUP BY f.token
HAVING findings >= {min_findings:UInt32}
ORDER BY findings DESC, token_hex
LIMIT 200
