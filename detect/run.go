package detect

// run is where a profile's habits are: all kinds in one stretch of memory, one after the
// other, with a little room to grow.
type run struct {
	number uint32            // within the runs of its size
	size   uint8             // index into runSizes, plus 1; 0 is no run
	n      [habitKinds]uint8 // habits of each kind
}

// runSizes are the lengths a run can have; the last holds all that a profile remembers.
var runSizes = [...]int{4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 56, 72}

// runs are all runs of one size.
type runs struct {
	blocks [][]habit
	free   []uint32
	taken  uint32 // handed out so far
}

func (r *run) len() int {
	n := 0
	for _, k := range r.n {
		n += int(k)
	}
	return n
}

// start is where the habits of a kind begin.
func (r *run) start(k kind) int {
	n := 0
	for _, before := range r.n[:k] {
		n += int(before)
	}
	return n
}

// all returns the whole run of a profile, its room to grow included.
func (m *memory) all(r *run) []habit {
	if r.size == 0 {
		return nil
	}
	size := runSizes[r.size-1]
	at := int(r.number&(1<<blockBits-1)) * size
	return m.runs[r.size-1].blocks[r.number>>blockBits][at : at+size]
}

// of returns a profile's habits of a kind.
func (m *memory) of(p *profile, k kind) habits {
	at := p.habits.start(k)
	return m.all(&p.habits)[at : at+int(p.habits.n[k])]
}

// insert adds a habit, in place of the rarest of its kind when that is full.
func (m *memory) insert(p *profile, k kind, h habit) {
	if int(p.habits.n[k]) >= maxHabits[k] {
		least := m.of(p, k).rarest()
		m.dropHabit(k, least)
		*least = h
		return
	}
	n := p.habits.len()
	if n == len(m.all(&p.habits)) {
		m.resize(&p.habits, n+1)
	}
	list, at := m.all(&p.habits), p.habits.start(k)+int(p.habits.n[k])
	copy(list[at+1:n+1], list[at:n])
	list[at] = h
	p.habits.n[k]++
}

// keep drops the habits that are not to be kept.
func (m *memory) keep(p *profile, kept func(*habit) bool) {
	list, n, left := m.all(&p.habits), 0, [habitKinds]uint8{}
	for k := range habitKinds {
		for i := range m.of(p, k) {
			h := &m.of(p, k)[i]
			if !kept(h) {
				m.dropHabit(k, h)
				continue
			}
			list[n] = *h
			left[k]++
			n++
		}
	}
	p.habits.n = left
	m.resize(&p.habits, n)
}

func (m *memory) dropHabit(k kind, h *habit) {
	if k.spelt() {
		m.texts.drop(text(h.key))
	}
	m.texts.drop(h.name)
}

// resize moves a run to the smallest size that holds n habits.
func (m *memory) resize(r *run, n int) {
	from, to := r.size, uint8(0)
	for n > 0 && (to == 0 || runSizes[to-1] < n) {
		to++
	}
	if from == to {
		return
	}
	old := *r
	if r.size = to; to > 0 {
		r.number = m.runs[to-1].take(runSizes[to-1])
		copy(m.all(r), m.all(&old)[:min(n, old.len())])
	}
	if from > 0 {
		m.runs[from-1].free = append(m.runs[from-1].free, old.number)
	}
}

func (r *runs) take(size int) uint32 {
	if n := len(r.free); n > 0 {
		number := r.free[n-1]
		r.free = r.free[:n-1]
		return number
	}
	number := r.taken
	if r.taken++; int(number>>blockBits) == len(r.blocks) {
		r.blocks = append(r.blocks, make([]habit, size<<blockBits))
	}
	return number
}
