package format

// stretch is what stood behind a key that the table does not know, up to the opening of the next value that is of
// interest, or to the end of the object: gateways repeat the names of hosts, protocols and servers in every record.
// It has been checked, value by value, so where the same stands again the walker would come out at the same place.
//
//	"host":"api.example","scheme":"https","status":200
//	      └─────────── stretch ─────────────────┘
//
// Which mark an entry has first is told by the keys themselves, so a stretch with marks in it serves only behind one.
type stretch struct {
	kept   []byte
	over   *step  // behind which it ends, nil at the end of the object
	made   uint32 // of that step
	misses uint16 // since it came again
	marks  bool
	hash   uint64 // of the last one that was another
}

// mostStretch is how much of one is remembered.
const mostStretch = 256

// stands reports whether the stretch stands here again.
func (s *stretch) stands(data []byte, i int) bool {
	end := i + len(s.kept)
	if end > len(data) || string(data[i:end]) != string(s.kept) || s.over != nil && s.over.made != s.made {
		return false
	}
	s.misses = 0
	return true
}

// meet learns a stretch that comes for the second time in a row. What may hold a secret is not remembered.
func (s *stretch) meet(text []byte, over *step, marks bool) {
	s.misses++
	if len(text) > mostStretch || over != nil && over.size > maxStep {
		return
	}
	if sum := hash(text, 0x9e3779b97f4a7c15); sum != s.hash {
		s.hash = sum
		return
	}
	if s.kept = s.kept[:0]; dull(text) {
		if s.kept, s.over, s.marks = append(s.kept, text...), over, marks; over != nil {
			s.made = over.made
		}
	}
}

// dull reports whether a text has nothing in it that could be a secret: no long run of letters and digits,
// and nothing that is called by a name and a sign of equality, as in queries and cookies.
func dull(text []byte) bool {
	run, digits, letters := 0, 0, 0
	for _, c := range text {
		switch {
		case c-'0' <= 9:
			digits++
		case c|0x20-'a' < 26, c == '_', c == '-', c == '+', c >= 0x80:
			letters++
		case c == '=':
			return false
		default:
			run, digits, letters = -1, 0, 0
		}
		if run++; run >= shortestSecret && digits > 0 && letters > 0 {
			return false
		}
	}
	return true
}

// shortestSecret is how long what looks like one has to be.
const shortestSecret = 12
