//go:build !linux

package realkafka

import "syscall"

// endWithParent cannot tie the child's life to this process here; Stop or Kill it.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func onOneThread(f func()) { f() }
