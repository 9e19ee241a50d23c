package sql

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mostHistory bounds what is remembered.
const mostHistory = 1000

// History is what was run before, the newest last, kept in a file that only its owner can read.
type History struct {
	file    string // "": it is forgotten with the session
	entries []string
}

// OpenHistory reads a history; there may be none yet.
func OpenHistory(file string) (*History, error) {
	h := &History{file: file}
	if file == "" {
		return h, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, fmt.Errorf("reading what was asked before: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			h.entries = append(h.entries, line)
		}
	}
	h.entries = h.entries[max(0, len(h.entries)-mostHistory):]
	return h, nil
}

// Save writes the history down.
func (h *History) Save() error {
	if h.file == "" || len(h.entries) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(h.file), 0o700); err != nil {
		return fmt.Errorf("keeping what was asked: %w", err)
	}
	if err := os.WriteFile(h.file, []byte(strings.Join(h.entries, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("keeping what was asked: %w", err)
	}
	return nil
}

// remember adds a statement or command. One of several lines becomes one line, unless a comment would swallow the rest.
func (h *History) remember(text string) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if !strings.Contains(text, "--") && !strings.Contains(text, "#") {
		lines = []string{strings.Join(lines, " ")}
	}
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || len(h.entries) > 0 && h.entries[len(h.entries)-1] == line {
			continue
		}
		h.entries = append(h.entries, line)
	}
	h.entries = h.entries[max(0, len(h.entries)-mostHistory):]
}

// Add implements term.History. The editor adds lines; here statements are remembered.
func (h *History) Add(string) {}

// Len implements term.History.
func (h *History) Len() int { return len(h.entries) }

// At implements term.History: 0 is the newest.
func (h *History) At(i int) string { return h.entries[len(h.entries)-1-i] }
