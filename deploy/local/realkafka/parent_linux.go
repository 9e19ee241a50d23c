package realkafka

import (
	"runtime"
	"syscall"
)

// endWithParent has the kernel kill the child when the thread that started it ends, which onOneThread keeps from
// happening before the process does. A group of its own keeps a terminal's Ctrl-C away.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// onOneThread runs f on a thread that nothing else uses and that lasts as long as f.
func onOneThread(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f()
}
