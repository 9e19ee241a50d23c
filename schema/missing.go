package schema

// Why offsets hold no record.
const (
	MissingAbsent = "absent" // never there for a reader: compacted away, or the end of a transaction
	MissingLost   = "lost"   // deleted before they were read: retention was shorter than the lag
	MissingReset  = "reset"  // the topic was made anew or cut off; its offsets begin again
)

// Missing is a run of offsets of a block's partition that held no record when they were
// read. It is what tells a gap in the tables that is right from one that is not.
type Missing struct {
	First, Last int64 // both inclusive
	Kind        string
}
