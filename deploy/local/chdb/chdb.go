// Package chdb calls the one function tokenwatch needs from libchdb: ClickHouse's own main.
//
// It owns the foreign function interface (it alone imports purego, so the binary needs no cgo) and
// refuses everything above it: which arguments, which process, which data is decided by package local.
//
//	       ┌─► Disarm: an exception in a connection ends that connection, not the process
//	Open ──┤
//	       └─► Run(args) ──► query_stable_v2(argc, argv) ──► returns when ClickHouse ends
//
// The library installs signal handlers and starts threads that cannot be taken back, so call Run only in
// a process of its own.
package chdb

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// result is the head of chDB's local_result_v2. The header calls the fields that are not read here len, _vec,
// elapsed, rows_read and bytes_read.
type result struct {
	buf     unsafe.Pointer // output of the last query; nil when ClickHouse gave up before it
	_       uintptr
	_       unsafe.Pointer
	_       float64
	_       uint64
	_       uint64
	message *byte // C string, nil when there was no error
}

// ErrFailed says that ClickHouse ended before its last query was done. The reason stands on standard error.
var ErrFailed = errors.New("ClickHouse ended with an error")

// Library is a loaded libchdb.
type Library struct {
	entry uintptr // query_stable_v2
}

// Open loads libchdb.
func Open(path string) (Library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return Library{}, fmt.Errorf("load %s: %w", path, err)
	}
	entry, err := purego.Dlsym(handle, "query_stable_v2")
	if err != nil {
		return Library{}, fmt.Errorf("find ClickHouse's entry in %s: %w", path, err)
	}
	return Library{entry}, nil
}

// Run runs ClickHouse's main with args, where args[0] is the program's name ("clickhouse") as in C. It returns
// when ClickHouse has shut down.
func (l Library) Run(args []string) error {
	var query func(argc int32, argv unsafe.Pointer) *result
	purego.RegisterFunc(&query, l.entry)

	var pinner runtime.Pinner
	defer pinner.Unpin()
	argv := arguments(&pinner, args)
	return verdict(query(int32(len(args)), unsafe.Pointer(unsafe.SliceData(argv))))
}

// arguments lays args out as C's argv: pinned, each ending in a zero byte, the whole ending in nil.
func arguments(pinner *runtime.Pinner, args []string) []*byte {
	argv := make([]*byte, 0, len(args)+1)
	for _, arg := range args {
		text := append([]byte(arg), 0)
		pinner.Pin(&text[0])
		argv = append(argv, &text[0])
	}
	argv = append(argv, nil)
	pinner.Pin(&argv[0])
	return argv
}

// verdict reads chDB's result. An error that ClickHouse raised while starting leaves no message here:
// it prints that itself, and only the missing buffer tells.
func verdict(r *result) error {
	switch {
	case r == nil:
		return ErrFailed
	case r.message != nil:
		return fmt.Errorf("%w: %s", ErrFailed, text(r.message))
	case r.buf == nil:
		return ErrFailed
	}
	return nil
}

// text copies a C string, at most 4 KiB of it.
func text(c *byte) string {
	const limit = 4096
	n := 0
	for n < limit && *(*byte)(unsafe.Add(unsafe.Pointer(c), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(c, n))
}
