package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrInUse says that another process works on the same data folder.
var ErrInUse = errors.New("the data folder is in use")

// orphanGrace bounds how long a lock whose owner is dead is waited for. The lock is inherited by the
// ClickHouse child, which needs a moment to finish after its parent was killed.
const orphanGrace = 20 * time.Second

// lockFolder takes the folder for this process, or says who has it. Closing the file (in every process
// that inherited it) gives the folder back; a crash does so too, because the kernel closes it.
func lockFolder(ctx context.Context, folder string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock of data folder: %w", err)
	}
	if err := acquire(ctx, file, folder); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := writePID(file); err != nil {
		return nil, errors.Join(fmt.Errorf("write lock of data folder: %w", err), file.Close())
	}
	return file, nil
}

// acquire gives up at once when a living process owns the lock, and waits when only an orphan holds it.
func acquire(ctx context.Context, file *os.File, folder string) error {
	ctx, cancel := context.WithTimeout(ctx, orphanGrace)
	defer cancel()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("lock data folder %s: %w", folder, err)
		}
		if owner := readPID(file); owner > 0 && alive(owner) {
			return fmt.Errorf("%w: %s is used by process %d; stop it, or set data_dir to another folder", ErrInUse, folder, owner)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %s is still held by a ClickHouse whose tokenwatch is gone", ErrInUse, folder)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// readPID returns 0 when the owner has not written its number yet.
func readPID(file *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
