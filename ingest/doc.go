// Package ingest owns the way of a record from Kafka into ClickHouse: it takes a
// partition's records in order, makes an Event or a dead letter of each, stores
// them a block at a time, and hands each block on when it is safe.
//
//	Claim ──record──► Decoder ──Event, DeadLetter──► Block ──► Store ──► Lane.Handle
//	  ▲   (a partition)  format, fingerprint,   └──► Lane.Look             │
//	  │                  client IP, place, route                           │
//	  └────────── offset + intent {"pending":[a,b],"at":ms} ◄──────────────┘
//
// Exactly once. A [Pipeline] cuts a block of contiguous offsets [a, b]; commits offset a
// with a note that [a, b] is about to be stored; stores it under a name made of
// topic, partition and range, which the store accepts once; hands it to the Handler's [Lane];
// and goes on at b+1. Whoever takes the partition over reads that note and repeats exactly
// [a, b], with the same ingested time, before it cuts a block of its own. So a crash, a lost
// answer or a stalled former owner can only ever repeat a block that the store knows.
// The broker refuses the note of an owner whose generation is over.
//
//	crash here ►   | intent [a,b] | insert | handle | intent [b+1,c] ...
//	next owner     | cuts anew    | repeats [a,b]; the store keeps one copy
//
// Packed. A store that is a [Packer] has its blocks' events put into its own form while the block is filled, right after
// they were looked at. Only the last few stand in memory as they were decoded.
//
// Early. A lane looks at each event when it is decoded, so that detection does not wait for the block; what it
// finds leaves the process when the block is stored. All blocks together have a bounded memory; when it is used up,
// partitions stop fetching and wait for one another.
//
// It refuses to lose or to skip: what cannot be decoded becomes a dead letter, a store that is away
// makes it stop fetching, and offsets that Kafka no longer has are reported. It knows no broker, no
// database and no detector: those are [Claim], [Store] and [Handler], and cmd brings them.
//
// The raw token dies in fingerprint.go: nothing downstream of it ever sees one.
package ingest
