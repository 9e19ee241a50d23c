// Package replay brings dead letters back that today's configuration can decode. What is stored of a letter is
// scrubbed, so its record is read again from Kafka, and what decodes is appended to the same partition once more,
// under the same key, with a header that names the letter. From there on it is a record like any other: there
// is one way into ClickHouse.
//
//	dead letter ──► record in Kafka ──► decode ──► intend ──► append ──► done
//	                gone? changed?      refused?     │                     │
//	                                                 └── the book, in ClickHouse
//
// No letter is replayed twice, whatever is killed when. Before anything is appended the book says what
// is intended, and where the partition ended then; afterwards, that it is done. A run that finds an
// intention of an earlier one, with no end to it, looks for the header behind that offset:
// what is there was appended, what is not there was not. Two runs at once see each other's intentions, and the earlier
// one goes on.
//
// One thing cannot be known: whether an append that was not answered still lies in a broker's queue. So an intention is
// left alone until it is older than Replayer.Stale, which is longer than brokers hold a request.
//
// It refuses to guess: a record of another size at a letter's offset belongs to a topic that was made anew and is
// not touched; of a batched record only the entries that were refused are sent, each alone.
package replay
