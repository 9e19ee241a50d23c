package local

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
)

// Secret is a password. It prints itself as ***; Reveal gives the text.
type Secret string

// Reveal returns the password itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the password.
func (Secret) String() string { return "***" }

// GoString hides the password from %#v.
func (Secret) GoString() string { return "***" }

// LogValue hides the password from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// keptSecret reads the password kept in file, or makes one (130 bits) and keeps it there for this user alone.
func keptSecret(file string) (Secret, error) {
	kept, err := os.ReadFile(file)
	if err == nil && len(strings.TrimSpace(string(kept))) > 0 {
		return Secret(strings.TrimSpace(string(kept))), os.Chmod(file, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the kept password: %w", err)
	}
	made := Secret(rand.Text())
	if err := writePrivate(file, []byte(made.Reveal()+"\n")); err != nil {
		return "", fmt.Errorf("keep the password: %w", err)
	}
	return made, nil
}

// writePrivate replaces file in one step, readable by its owner alone from its first byte on.
func writePrivate(file string, content []byte) error {
	next := file + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return err
	}
	return os.Rename(next, file)
}
