// Package detect learns how each API token is normally used and says when it is used
// as its owner would not. It owns the engine, the profiles and the detectors, one file
// each, and is the birthplace of [schema.Finding] and [schema.Profile].
//
//	Event ─► profile of its token ─► detectors ─► evidence ─► fuse ─► Finding
//	            ▲        │               ▲
//	            │ learn  ▼               │ cohort: what all tokens of the partition share
//	        Snapshot / Restore ──────────┘
//
// It refuses I/O and clocks: time comes from events, so the same events in the same
// order give the same findings, whatever restarts in between ([Resume] rebuilds the
// state of a partition exactly). It imports schema and the standard library.
//
// A partition may have a million tokens, so profiles are packed without pointers into
// arrays (memory.go), and an event that is no news to its token only moves counters
// (usual.go).
//
// Every detector answers in the same currency: a log-likelihood ratio
//
//	LLR = ln P(seen | theft) − ln P(seen | owner)          (natural logarithm, nats)
//
// so that evidence adds up. What moves together is counted once: the country, network,
// client and hour of one visit form a group, of which each detector contributes its
// strongest; further visits count less and less (see evidence.go).
package detect
