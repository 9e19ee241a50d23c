package signin

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// file keeps sessions over a restart.
type file struct {
	path    string // empty: nothing is kept
	writing sync.Mutex
}

// kept is a session in the file.
type kept struct {
	Hash   string    `json:"hash"`
	Seal   string    `json:"seal"`
	Person Person    `json:"person"`
	Began  time.Time `json:"began"`
	Seen   time.Time `json:"seen"`
}

// load reads the sessions of a former run. A file that is no list of sessions is none of ours or was cut off: people
// sign in again.
func (f *file) load(s *sessions) error {
	if f.path == "" {
		return nil
	}
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading who is signed in to the console: %w", err)
	}
	var list []kept
	if json.Unmarshal(text, &list) != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range list[:min(len(list), maxSessions)] {
		var h hashed
		if n, err := hex.Decode(h[:], []byte(k.Hash)[:min(len(k.Hash), 2*len(h))]); err != nil || n != len(h) {
			continue
		}
		e := &session{person: k.Person, seal: k.Seal, began: k.Began, seen: k.Seen}
		if !s.over(e) {
			s.byID[h] = e
		}
	}
	return nil
}

// save writes the sessions if something changed since the last time.
func (f *file) save(s *sessions) error {
	if f.path == "" {
		return nil
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	list, dirty := s.list()
	if !dirty {
		return nil
	}
	text, err := json.Marshal(list)
	if err == nil {
		err = f.write(text)
	}
	if err != nil {
		s.mu.Lock()
		s.dirty = true
		s.mu.Unlock()
		return fmt.Errorf("keeping who is signed in to the console: %w", err)
	}
	return nil
}

func (s *sessions) list() (list []kept, dirty bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dirty {
		return nil, false
	}
	s.dirty = false
	list = []kept{}
	for h, e := range s.byID {
		if !s.over(e) {
			list = append(list, kept{hex.EncodeToString(h[:]), e.seal, e.person, e.began, e.seen})
		}
	}
	return list, true
}

func (f *file) write(text []byte) error {
	next := f.path + ".next"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, f.path)
}
