package chdb_test

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/tokenwatch/tokenwatch/deploy/local/chdb"
)

// forged is a library as it would lie in memory, with as little in it as Disarm looks at. By pages:
//
//	0     headers, and the names of classes
//	1     code
//	2, 3  RELRO: type information and vtables, in words
type forged struct {
	memory  []byte
	page    int
	headers []elf.Prog64
}

// Where things stand: names in bytes of page 0, the rest in words of RELRO.
const (
	killingName, baseName     = 0x800, 0x880
	killingType, baseType     = 10, 20
	killingVtable, baseVtable = 32, 42 // entry 0
)

func forge(t *testing.T) *forged {
	t.Helper()
	page := os.Getpagesize()
	memory, err := syscall.Mmap(-1, 0, 4*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(memory); err != nil {
			t.Error(err)
		}
	})
	f := &forged{memory: memory, page: page}
	f.headers = []elf.Prog64{
		f.header(elf.PT_LOAD, elf.PF_R, 0, 1),
		f.header(elf.PT_LOAD, elf.PF_R|elf.PF_X, 1, 1),
		f.header(elf.PT_LOAD, elf.PF_R|elf.PF_W, 2, 2),
		f.header(elf.PT_GNU_RELRO, elf.PF_R, 2, 2),
	}
	f.write(0, elf.ELFMAG+"\x02") // 64 bit
	f.write(killingName, "\x0019KillingErrorHandler\x00")
	f.write(baseName, "\x00N4Poco12ErrorHandlerE\x00")
	f.put(killingType+1, f.address(killingName+1), f.at(baseType))
	f.put(baseType+1, f.address(baseName+1))
	f.vtable(killingVtable, killingType, 100)
	f.vtable(baseVtable, baseType, 200)
	return f
}

func (f *forged) header(kind elf.ProgType, flags elf.ProgFlag, page, pages int) elf.Prog64 {
	size := uint64(pages * f.page)
	return elf.Prog64{Type: uint32(kind), Flags: uint32(flags), Vaddr: uint64(page * f.page), Filesz: size, Memsz: size}
}

func (f *forged) base() unsafe.Pointer             { return unsafe.Pointer(&f.memory[0]) }
func (f *forged) write(offset int, text string)    { copy(f.memory[offset:], text) }
func (f *forged) address(offset int) uintptr       { return uintptr(unsafe.Pointer(&f.memory[offset])) }
func (f *forged) at(word int) uintptr              { return f.address(2*f.page + 8*word) }
func (f *forged) code(n int) uintptr               { return f.address(f.page + n) }
func (f *forged) put(word int, values ...uintptr)  { copy(f.words()[word:], values) }
func (f *forged) vtable(word, class, function int) { f.put(word-2, f.entries(class, function)...) }

func (f *forged) words() []uintptr {
	return unsafe.Slice((*uintptr)(unsafe.Pointer(&f.memory[2*f.page])), 2*f.page/8)
}

// entries are a vtable with what stands before it.
func (f *forged) entries(class, function int) []uintptr {
	all := []uintptr{0, f.at(class)}
	for n := range 5 {
		all = append(all, f.code(function+n))
	}
	return all
}

// load does the dynamic linker's part: it writes the headers and seals RELRO.
func (f *forged) load(t *testing.T) {
	t.Helper()
	header := (*elf.Header64)(f.base())
	header.Phoff, header.Phnum = 64, uint16(len(f.headers))
	copy(unsafe.Slice((*elf.Prog64)(unsafe.Pointer(&f.memory[64])), len(f.headers)), f.headers)
	if err := syscall.Mprotect(f.memory[2*f.page:], syscall.PROT_READ); err != nil {
		t.Fatal(err)
	}
}

// protections are what /proc says about the RELRO pages.
func (f *forged) protections(t *testing.T) []string {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(maps)) {
		var from, to uintptr
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil {
			t.Fatal(err)
		}
		if from < f.at(0)+uintptr(2*f.page) && f.at(0) < to {
			found = append(found, mode)
		}
	}
	return found
}

func TestDisarm(t *testing.T) {
	for name, test := range map[string]struct {
		vtable int
		change func(f *forged)
	}{
		"as expected": {killingVtable, func(*forged) {}},
		"another namespace": {killingVtable, func(f *forged) {
			f.write(baseName, "\x00N8CHDBPoco12ErrorHandlerE\x00")
		}},
		"over the edge of a page": {os.Getpagesize()/8 - 3, func(f *forged) {
			clear(f.words()[killingVtable-2 : killingVtable+5])
			f.vtable(os.Getpagesize()/8-3, killingType, 100)
		}},
		"beside the name of a pointer": {killingVtable, func(f *forged) {
			f.write(0x400, "\x00P19KillingErrorHandler\x00")
		}},
		"beside the type in other tables": {killingVtable, func(f *forged) {
			f.put(60, 1, f.at(killingType), f.code(1), f.code(2), f.code(3), f.code(4), f.code(5))
			f.put(80, 0, f.at(killingType), f.code(1), 7)
			f.put(f.page*2/8-1, f.at(killingType))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := forge(t)
			test.change(f)
			want := slices.Clone(f.words())
			copy(want[test.vtable+2:test.vtable+5], f.words()[baseVtable+2:])
			f.load(t)
			if err := chdb.DisarmImage(f.base()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(f.words(), want) {
				t.Error("the vtables are not as they should be")
			}
			for _, mode := range f.protections(t) {
				if mode != "r--p" {
					t.Errorf("left with protection %s", mode)
				}
			}
		})
	}
}

func TestDisarmLeavesWhatItDoesNotKnow(t *testing.T) {
	for name, test := range map[string]struct {
		says   string
		change func(f *forged)
	}{
		"not an ELF":       {"no 64-bit ELF", func(f *forged) { f.write(1, "Z") }},
		"32 bit":           {"no 64-bit ELF", func(f *forged) { f.write(4, "\x01") }},
		"no RELRO":         {"no RELRO segment", func(f *forged) { f.headers = f.headers[:3] }},
		"less than a page": {"no RELRO segment", func(f *forged) { f.headers[3].Memsz = 8 * 60 }},
		"no constants":     {"begin with constants", func(f *forged) { f.headers = f.headers[1:] }},
		"code first": {"begin with constants", func(f *forged) {
			f.headers[0].Vaddr += uint64(f.page)
		}},
		"no such class": {"no class KillingErrorHandler", func(f *forged) {
			f.write(killingName, "\x0019KillingErrorHandles\x00")
		}},
		"no type information": {"no type information", func(f *forged) { f.put(killingType+1, 0) }},
		"another base": {"derived from something else", func(f *forged) {
			f.write(baseName, "\x00N4Poco12ErrorHandleeE\x00")
		}},
		"no base":                 {"derived from something else", func(f *forged) { f.put(killingType+2, 0) }},
		"a base far away":         {"derived from something else", func(f *forged) { f.put(killingType+2, f.code(8)) }},
		"a base out of step":      {"derived from something else", func(f *forged) { f.put(killingType+2, f.at(baseType)+1) }},
		"a base with no name":     {"derived from something else", func(f *forged) { f.put(baseType+1, f.code(8)) }},
		"a base at the end":       {"derived from something else", func(f *forged) { f.put(killingType+2, f.at(2*f.page/8-1)) }},
		"no vtable":               {"KillingErrorHandler: 0 vtables", func(f *forged) { f.put(killingVtable-1, 0) }},
		"no vtable of base":       {"ErrorHandler: 0 vtables", func(f *forged) { f.put(baseVtable-1, 0) }},
		"two vtables":             {"2 vtables", func(f *forged) { f.vtable(100, killingType, 300) }},
		"a method less":           {"0 vtables", func(f *forged) { f.put(killingVtable+4, f.at(killingType)) }},
		"an abstract base":        {"ErrorHandler: 0 vtables", func(f *forged) { f.put(baseVtable+3, 0) }},
		"a name without end":      {"derived from something else", func(f *forged) { f.write(baseName+1, strings.Repeat("x", f.page-baseName-1)) }},
		"a vtable inside another": {"0 vtables", func(f *forged) { f.put(killingVtable-2, 8) }},
	} {
		t.Run(name, func(t *testing.T) {
			f := forge(t)
			test.change(f)
			f.load(t)
			before := bytes.Clone(f.memory)
			if err := chdb.DisarmImage(f.base()); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want one that says %q", err, test.says)
			}
			if !bytes.Equal(f.memory, before) {
				t.Error("changed all the same")
			}
		})
	}
}

func TestDisarmAnotherLibrary(t *testing.T) {
	libc, err := purego.Dlopen("libc.so.6", purego.RTLD_NOW)
	if err != nil {
		t.Fatal(err)
	}
	symbol, err := purego.Dlsym(libc, "getpid")
	if err != nil {
		t.Fatal(err)
	}
	for address, says := range map[uintptr]string{
		symbol: "no class KillingErrorHandler",
		0:      "does not know where the library is",
	} {
		err := chdb.Holding(address).Disarm()
		if !errors.Is(err, chdb.ErrArmed) || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %v that says %q", err, chdb.ErrArmed, says)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %q", err)
		}
	}
}
