package ingest

import "github.com/tokenwatch/tokenwatch/schema"

// recycle empties a block so that its memory can serve again. Blocks of a burst are large;
// when they are not needed any more, their memory goes back.
func recycle(b *schema.Block) {
	events, letters, packed, texts := b.Events, b.DeadLetters, b.Packed, b.Texts
	if packed != nil {
		events = events[:cap(events)] // those that were packed left their strings there
	}
	clear(events) // or the strings of the last block live as long as the next one
	clear(letters)
	*b = schema.Block{}
	if packed != nil && worthKeeping(packed.Len(), packed.Cap()) {
		packed.Reset()
		b.Packed, b.Texts = packed, texts
	}
	if worthKeeping(len(events), cap(events)) {
		b.Events = events[:0]
	}
	if worthKeeping(len(letters), cap(letters)) {
		b.DeadLetters = letters[:0]
	}
}

func worthKeeping(used, room int) bool { return room <= 1024 || used > room/8 }
