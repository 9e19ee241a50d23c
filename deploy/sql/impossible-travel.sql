-- Which tokens were in two places that nobody could travel between in that time?
--
-- For: one token in two hands at once.
-- Answer: one row a pair of consecutive requests, the fastest first. km_h is the least speed that fits both radii of accuracy.
--   Between hosting networks it says little (jobs run in several regions); so do exits of VPNs, which are left out.
-- ATT&CK: T1550.001
-- Parameter: hours UInt32 = 24      how far back
-- Parameter: min_km_h UInt32 = 900  faster than an airliner
-- Parameter: min_km UInt32 = 500    places closer than that are not told apart
SELECT
    lower(hex(token)) AS token_hex, token_hint, consumer,
    before AS first_ts, ts AS second_ts, round(km) AS km, round(km / greatest(seconds, 1) * 3600) AS km_h,
    from_place, concat(city, ', ', country) AS to_place, from_ip, ip AS to_ip, from_network, network AS to_network
FROM
(
    SELECT
        *,
        dateDiff('millisecond', before, ts) / 1000 AS seconds,
        greatest(0, geoDistance(from_lon, from_lat, lon, lat) / 1000 - from_accuracy - accuracy_km) AS km
    FROM
    (
        SELECT
            token, token_hint, consumer, ts, ip, city, country, lat, lon, accuracy_km, network,
            lagInFrame(ts)          OVER w AS before,
            lagInFrame(ip)          OVER w AS from_ip,
            lagInFrame(lat)         OVER w AS from_lat,
            lagInFrame(lon)         OVER w AS from_lon,
            lagInFrame(accuracy_km) OVER w AS from_accuracy,
            lagInFrame(network)     OVER w AS from_network,
            lagInFrame(concat(city, ', ', country)) OVER w AS from_place,
            row_number()            OVER w AS nth
        FROM events
        WHERE ingested_at >= now('UTC') - toIntervalHour({hours:UInt32} + 1) AND ts >= now('UTC') - toIntervalHour({hours:UInt32})
            AND (lat != 0 OR lon != 0) AND network NOT IN ('vpn', 'tor')
        WINDOW w AS (PARTITION BY token ORDER BY ts, offset, item ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    )
    WHERE nth > 1
)
WHERE km >= {min_km:UInt32} AND km / greatest(seconds, 1) * 3600 >= {min_km_h:UInt32}
    AND NOT (from_network = 'hosting' AND network = 'hosting')
ORDER BY km_h DESC, token_hex
LIMIT 500
