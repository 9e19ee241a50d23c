package detect

import "strings"

// text stands for a string of the partition's texts. The zero text is the empty string.
type text uint32

// maxText is how many bytes of a string are kept: enough for every name that a person
// would recognise, while an outsider's User-Agent may be as long as he likes.
const maxText = 96

// texts keeps each distinct string once, however many profiles hold it, so that profiles
// are free of pointers: a million of them cost the garbage collector nothing. It counts
// who holds a string and drops it with the last one, so it is bounded by what profiles
// and cohort may hold.
type texts struct {
	ids  map[string]text
	list []counted // by text
	free []text
	// hints are the texts found last, by what tells most strings apart: what stands there is compared, so an old hint
	// does no harm. Events of many tokens have the same few strings.
	hints [256]text
}

type counted struct {
	s       string
	holders uint32
}

func newTexts() *texts {
	return &texts{ids: map[string]text{"": 0}, list: []counted{{holders: 1}}}
}

// find returns a string's text if anybody holds it.
func (t *texts) find(s string) (text, bool) {
	if s == "" {
		return 0, true
	}
	hint := &t.hints[hintOf(s)]
	if *hint != 0 && t.list[*hint].s == s {
		return *hint, true
	}
	id, held := t.ids[clip(s)]
	if held {
		*hint = id
	}
	return id, held
}

// hintOf is where the hint of a string stands that is not empty.
func hintOf[S string | []byte](s S) uint8 {
	n := len(s)
	return uint8(n) ^ s[0] ^ s[n/2]<<3 ^ s[n-1]<<1
}

// hold returns a string's text on behalf of one more holder.
func (t *texts) hold(s string) text {
	if s == "" {
		return 0
	}
	s = clip(s)
	if id, held := t.ids[s]; held {
		t.list[id].holders++
		return id
	}
	s = strings.Clone(s) // the event's strings may share one large buffer
	var id text
	if n := len(t.free); n > 0 {
		id, t.free = t.free[n-1], t.free[:n-1]
		t.list[id] = counted{s, 1}
	} else {
		id = text(len(t.list))
		t.list = append(t.list, counted{s, 1})
	}
	t.ids[s] = id
	return id
}

// drop ends one holder's interest.
func (t *texts) drop(id text) {
	if id == 0 {
		return
	}
	if c := &t.list[id]; c.holders > 1 {
		c.holders--
		return
	}
	delete(t.ids, t.list[id].s)
	t.list[id] = counted{}
	t.free = append(t.free, id)
}

// of returns the string.
func (t *texts) of(id text) string { return t.list[id].s }

// clip shortens a string to what is kept of it, at the start of a character.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for end > maxText-3 && s[end]&0xC0 == 0x80 {
		end--
	}
	return s[:end]
}
