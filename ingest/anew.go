package ingest

// ErrAnew is what Lane.Handle returns to have the partition begin anew with another lane: the block at hand is stored
// and not handled, and the lane that the next Resume gives is shown exactly the same block.
var ErrAnew = errAnew
