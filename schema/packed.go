package schema

import "iter"

// Packed are events in the form in which a store sends them on. They take less than half of the memory of Events, and nothing
// in it that a garbage collector has to look at. It is not safe for concurrent use.
type Packed interface {
	// Add takes over what the events say, behind those that it has. It copies their paths and ids of requests, which are not valid
	// for long.
	Add(events []Event)
	// Len is how many events it has, Cap how many there is room for.
	Len() int
	Cap() int
	// Grow makes room for so many more.
	Grow(events int)
	// RowSize is how many bytes an event takes, but for its path and the id of its request.
	RowSize() int
	// Events gives the events back, in their order, as they will come from the store. Each is valid until the next.
	Events(yield func(*Event) bool)
	// Reset forgets all events, and keeps the room.
	Reset()
}

// Count is how many events a block has, packed or not.
func (b *Block) Count() int {
	if b.Packed == nil {
		return len(b.Events)
	}
	return b.Packed.Len() + len(b.Events)
}

// All gives a block's events, packed or not. Each is valid until the next.
func (b *Block) All() iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		more := true
		if b.Packed != nil {
			b.Packed.Events(func(e *Event) bool { more = yield(e); return more })
		}
		for i := 0; more && i < len(b.Events); i++ {
			more = yield(&b.Events[i])
		}
	}
}

// Unpacked is the block with all its events in Events. They are made anew where they were packed, which is for what happens seldom.
func (b *Block) Unpacked() *Block {
	if b.Packed == nil {
		return b
	}
	u := *b
	u.Packed, u.Events = nil, make([]Event, 0, b.Count())
	for e := range b.All() {
		u.Events = append(u.Events, *e)
	}
	return &u
}
