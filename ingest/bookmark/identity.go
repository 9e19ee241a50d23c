package bookmark

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// headBytes is how much of a file's beginning tells it from others. Log lines begin with a time.
const headBytes = 1 << 10

// Identity tells a file from all others, also when it is renamed.
type Identity struct {
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	Head   string `json:"head"`   // SHA-256 of the first bytes: they may hold tokens
	Length int    `json:"length"` // how many bytes those are; 0 when the file was empty
}

// Identify says which file this is. Its head may still grow: see Grow.
func Identify(file *os.File) (Identity, error) {
	id, err := place(file)
	if err != nil {
		return Identity{}, err
	}
	id.Head, id.Length, err = hash(file, headBytes)
	return id, err
}

// Same reports whether both are in the same place, where there can be only one file at a time.
func (id Identity) Same(other Identity) bool {
	return id.Device == other.Device && id.Inode == other.Inode
}

// Is reports whether an open file is this one and still begins as it did. A file that was truncated, and written again,
// is another one.
func (id Identity) Is(file *os.File) bool {
	at, err := place(file)
	return err == nil && id.Same(at) && id.Begins(file)
}

// Begins reports whether the file begins as it did when it was identified. Of an empty file nobody knows.
func (id Identity) Begins(file *os.File) bool {
	if id.Length == 0 {
		return false
	}
	head, length, err := hash(file, id.Length)
	return err == nil && length == id.Length && head == id.Head
}

// Grow takes in what the head lacks, and reports whether the file still begins as it did.
func (id Identity) Grow(file *os.File) (grown Identity, same bool, err error) {
	buf := make([]byte, headBytes)
	n, err := file.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return id, false, err
	}
	if n < id.Length || sum(buf[:id.Length]) != id.Head {
		return id, false, nil
	}
	id.Head, id.Length = sum(buf[:n]), n
	return id, true, nil
}

// Place says where a file's data is, and nothing of how it begins.
func Place(info fs.FileInfo) (Identity, error) {
	at, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Identity{}, errors.New("this system does not tell one file from another")
	}
	return Identity{Device: uint64(at.Dev), Inode: at.Ino}, nil
}

func place(file *os.File) (Identity, error) {
	info, err := file.Stat()
	if err != nil {
		return Identity{}, err
	}
	return Place(info)
}

func hash(file *os.File, most int) (head string, length int, err error) {
	buf := make([]byte, most)
	n, err := file.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", 0, err
	}
	return sum(buf[:n]), n, nil
}

func sum(head []byte) string {
	digest := sha256.Sum256(head)
	return hex.EncodeToString(digest[:16])
}
