// Package kafka owns everything between the brokers and a partition's records: it is a
// member of a consumer group, reads the partitions the group hands to it, keeps what
// has been done in the group's committed offsets, and produces records.
//
//	           join, heartbeat, leave                  committed offset + metadata
//	brokers ◄─────────────────────── Consumer ─┬─ Claim (partition 0) ◄──────────► group
//	   │                                       └─ Claim (partition 3)
//	   └── records, one connection a partition ───────►│ deliver(offset, at, value)
//
// A [Claim] lives for one generation of the group: the broker refuses the commits of
// an older one, so of two processes that both believe to own a partition only one can
// move its offset. What a commit says and when it is made is the caller's business.
//
// It refuses to skip a record silently: offsets that retention deleted, or that a
// recreated topic no longer has, come back as a [GapError]. It refuses to deliver what a transaction took back.
// It knows nothing of what a record means, and it holds one fetch response of one partition in memory, and of what is
// compressed in it a piece, no more: a caller who is slow makes it stop asking.
//
// The package imports nothing of tokenwatch, and nothing else imports kafka-go, which finds leaders, signs in, keeps the
// membership, commits and produces. Fetches alone are encoded and decoded here (deploy/adr/0007-fetch.md):
//
//	leader ── one request, one response ──► fetchAnswer ──► batch (checksum, transactions) ──► inflater ──► record
package kafka
