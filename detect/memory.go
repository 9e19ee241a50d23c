package detect

import "github.com/tokenwatch/tokenwatch/schema"

// memory holds what profiles are made of, in arrays without pointers that the garbage
// collector need not look into. A profile takes some 700 bytes and a run of 24 for each
// habit; the index 11 to 21 more. Everything is freed with its profile, so the bound on
// profiles bounds it all.
type memory struct {
	texts    *texts
	index    index
	profiles [][]profile // by slot, in blocks that never move
	free     []slot
	slots    slot // handed out so far
	runs     [len(runSizes)]runs
	stories  []*story                 // by number; 0 is none
	untold   []uint32                 // free numbers
	files    map[schema.TokenID]*file // of profiles that have one
}

// slot is the place of a profile.
type slot uint32

// blockBits is log2 of the profiles, and of the runs, in a block: as many as fill the pages that a
// block is given.
const blockBits = 9

func newMemory() *memory {
	return &memory{texts: newTexts(), stories: []*story{nil}, files: map[schema.TokenID]*file{}}
}

func (m *memory) at(s slot) *profile { return &m.profiles[s>>blockBits][s&(1<<blockBits-1)] }

// add makes the profile of a token that has none.
func (m *memory) add(token schema.TokenID) *profile {
	s := m.take()
	m.index.add(tokenHash(&token), s)
	p := m.at(s)
	p.token, p.day = token, -1
	return p
}

// rename gives a profile to another token, which has none.
func (m *memory) rename(s slot, token schema.TokenID) {
	p := m.at(s)
	m.index.remove(tokenHash(&p.token), s)
	m.refile(p.token, token)
	p.token = token
	m.index.add(tokenHash(&token), s)
}

// take returns the place of a profile that knows nothing.
func (m *memory) take() slot {
	if n := len(m.free); n > 0 {
		s := m.free[n-1]
		m.free = m.free[:n-1]
		return s
	}
	s := m.slots
	if m.slots++; int(s>>blockBits) == len(m.profiles) {
		m.profiles = append(m.profiles, make([]profile, 1<<blockBits))
	}
	return s
}

// drop forgets a profile and all it holds.
func (m *memory) drop(s slot) {
	p := m.at(s)
	m.index.remove(tokenHash(&p.token), s)
	m.close(p)
	m.keep(p, func(*habit) bool { return false })
	m.move(p, position{})
	delete(m.files, p.token)
	*p = profile{}
	m.free = append(m.free, s)
}

// storyOf returns the profile's story, or nil when there is no evidence in the air.
func (m *memory) storyOf(p *profile) *story { return m.stories[p.story] }

// begin opens a profile's story.
func (m *memory) begin(p *profile) *story {
	if n := len(m.untold); n > 0 {
		p.story, m.untold = m.untold[n-1], m.untold[:n-1]
	} else {
		p.story = uint32(len(m.stories))
		m.stories = append(m.stories, nil)
	}
	if m.stories[p.story] == nil {
		m.stories[p.story] = &story{}
	}
	return m.stories[p.story]
}

// maxBlank bounds the stories that wait to be told anew: many are short, and a few are told at a time.
const maxBlank = 256

// close ends a profile's story.
func (m *memory) close(p *profile) {
	if s := m.storyOf(p); s != nil {
		if len(m.untold) < maxBlank {
			clear(s.evidence)
			*s = story{evidence: s.evidence[:0], blank: s.episode.lists.blank()}
		} else {
			m.stories[p.story] = nil
		}
		m.untold = append(m.untold, p.story)
		p.story = 0
	}
}
