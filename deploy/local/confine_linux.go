package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confinedEnv marks a child that is confined already.
const confinedEnv = "TOKENWATCH_CLICKHOUSE_CONFINED"

// Rights that the child has on some paths only. Others, such as listing a folder, are as they were.
const (
	readRight  = unix.LANDLOCK_ACCESS_FS_READ_FILE
	writeRight = unix.LANDLOCK_ACCESS_FS_WRITE_FILE
	// moveRight is to move files from folder to folder, which a confined process may not unless it is said. The first
	// version of Landlock cannot say it, and ClickHouse has to.
	moveRight  = unix.LANDLOCK_ACCESS_FS_REFER
	oldestKind = 2
)

// readable is what a process of ours needs to start and to know its machine, and nothing that is secret. Of /proc it is its own
// part and the machine's: another process's has the environment, with a bot's token in it.
var readable = []string{
	"/usr", "/lib", "/lib64", "/nix/store", "/gnu/store", "/sys", "/dev",
	"/proc/self", "/proc/sys", "/proc/stat", "/proc/meminfo", "/proc/cpuinfo", "/proc/uptime", "/proc/loadavg", "/proc/vmstat",
	"/proc/diskstats", "/proc/filesystems", "/proc/version", "/proc/pressure",
	"/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf",
}

// confine keeps the child from files that are none of its own. clickhouse-local, which the library is, reads any file for
// whoever may ask a query: SELECT file('/home/ann/tokenwatch-data/pepper') needs no right at all, and neither do the
// settings that name templates. So the kernel refuses it (Landlock), whatever the query.
//
// Confinement holds for a thread and what it starts, so this process begins anew in it. Where the kernel cannot
// confine, the child runs as it is.
func confine(library string) error {
	if os.Getenv(confinedEnv) != "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	rules, err := ruleset(self, library)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	if err != nil {
		return err
	}
	runtime.LockOSThread() // never given back: the thread becomes the process
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("confine ClickHouse: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(rules), 0, 0); errno != 0 {
		return fmt.Errorf("confine ClickHouse: %w", errno)
	}
	if err := unix.Exec(self, os.Args, append(os.Environ(), confinedEnv+"=1")); err != nil {
		return fmt.Errorf("begin ClickHouse anew, confined: %w", err)
	}
	return nil
}

// ruleset says which files may be opened: the working directory is the child's home.
func ruleset(self, library string) (int, error) {
	kind, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0, errno
	}
	if kind < oldestKind {
		return 0, unix.EOPNOTSUPP
	}
	attributes := unix.LandlockRulesetAttr{Handled_access_fs: readRight | writeRight | moveRight}
	rules, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attributes)), unsafe.Sizeof(attributes), 0)
	if errno != 0 {
		return 0, fmt.Errorf("confine ClickHouse: %w", errno)
	}
	h := home(".")
	paths := append([]string{h.config(), h.users(), self, library}, readable...)
	for _, path := range append(paths, filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))...) {
		if err := allow(int(rules), path, readRight); err != nil {
			return 0, err
		}
	}
	if err := os.MkdirAll(h.data(), 0o700); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(filepath.Dir(h.log()), 0o700); err != nil {
		return 0, err
	}
	for path, rights := range map[string]uint64{
		h.data(): readRight | writeRight | moveRight, filepath.Dir(h.log()): readRight | writeRight | moveRight,
		"/dev": readRight | writeRight, "/proc/self": readRight | writeRight,
	} {
		if err := allow(int(rules), path, rights); err != nil {
			return 0, err
		}
	}
	return int(rules), nil
}

// allow adds a path, if there is one.
func allow(rules int, path string, rights uint64) error {
	file, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("confine ClickHouse to %s: %w", path, err)
	}
	defer func() { _ = unix.Close(file) }()
	beneath := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(file)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&beneath)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("confine ClickHouse to %s: %w", path, errno)
	}
	return nil
}
