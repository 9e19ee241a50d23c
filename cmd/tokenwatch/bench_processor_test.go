package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is the unit in which Linux counts processor time for its readers.
const tick = time.Second / 100

// processorTime is the user and system time that a process has used so far, all threads.
func processorTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skip("measuring needs Linux and its /proc: ", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * tick
}

// machineTime is the time that all processors of the machine together were not idle,
// whoever used it: also what nobody here started.
func machineTime(t testing.TB) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Skip("measuring needs Linux and its /proc: ", err)
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	busy := int64(0)
	for i, field := range strings.Fields(line)[1:] { // user nice system idle iowait irq softirq steal guest guest_nice
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if i != 3 && i != 4 && i < 7 { // idle, waiting, or somebody else's machine
			busy += n
		}
	}
	return time.Duration(busy) * tick
}

// memory reads a line such as VmRSS or VmHWM of a process's status, in bytes.
func memory(t testing.TB, pid int, line string) int64 {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Skip("measuring needs Linux and its /proc: ", err)
	}
	_, rest, found := strings.Cut(string(status), "\n"+line+":")
	if !found {
		t.Fatalf("no %s in the status of process %d", line, pid)
	}
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// meter adds up the processor time of the processes that take part in something. What
// else runs on the machine shows as the difference to its own count.
type meter struct {
	t       testing.TB
	names   []string // of pids
	pids    []int
	before  []time.Duration
	machine time.Duration
	began   time.Time
}

func newMeter(t testing.TB) *meter { return &meter{t: t, machine: machineTime(t), began: time.Now()} }

// add counts a process from now on.
func (m *meter) add(name string, pid int) {
	m.names, m.pids = append(m.names, name), append(m.pids, pid)
	m.before = append(m.before, processorTime(m.t, pid))
}

// used is what was used since the meter was made: of each process, of all of them, and of the machine.
type used struct {
	by      map[string]time.Duration
	total   time.Duration
	machine time.Duration
	wall    time.Duration
}

// and is what two stretches used together.
func (u used) and(v used) used {
	sum := used{by: maps.Clone(u.by), total: u.total + v.total, machine: u.machine + v.machine, wall: u.wall + v.wall}
	for name, d := range v.by {
		sum.by[name] += d
	}
	return sum
}

func (m *meter) read() used {
	m.t.Helper()
	u := used{by: map[string]time.Duration{}, machine: machineTime(m.t) - m.machine, wall: time.Since(m.began)}
	for i, pid := range m.pids {
		u.by[m.names[i]] = processorTime(m.t, pid) - m.before[i]
		u.total += u.by[m.names[i]]
	}
	return u
}

// per is rows a second of processor time.
func per(rows int, d time.Duration) float64 { return float64(rows) / max(d, tick).Seconds() }
