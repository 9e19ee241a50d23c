// Package schema owns the nouns that the rooms of tokenwatch hand to each other:
// an [Event] (one request), a [Block] of them, a [Finding] with its [Evidence], the
// [Profile] that a finding was measured against, and the [Incident] a person reads.
//
//	ingest ──Block──► detect ──Finding──► alert ──Incident──► people
//
// It refuses behaviour: no I/O, no clock, nothing but the standard library, so that
// every room can import it and none of them needs another. Each noun has one
// birthplace: Event, TokenID and Block are made in ingest, Finding and Profile in
// detect, Incident in alert.
package schema
