//go:build !linux

package chdb

import (
	"fmt"
	"runtime"
)

// Disarm would keep ClickHouse alive when a client misbehaves. It is made for Linux's libraries; here it changes
// nothing and returns ErrArmed.
func (l Library) Disarm() error {
	return fmt.Errorf("%w: this is not done on %s", ErrArmed, runtime.GOOS)
}
