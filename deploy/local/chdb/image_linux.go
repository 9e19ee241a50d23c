package chdb

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// word is the size of an address.
const word = int(unsafe.Sizeof(uintptr(0)))

// image is a library as the dynamic linker laid it out in memory: the parts of it that hold type information.
//
//	base  ELF header, program headers
//	      constants   mapped read-only: names
//	      code        mapped executable
//	      sealed      RELRO: addresses, filled in while loading and then made read-only; vtables
type image struct {
	base      unsafe.Pointer
	constants []stretch
	code      []stretch
	sealed    []uintptr
	page      int
}

// stretch is a part of an image, in bytes from its base.
type stretch struct{ from, to uintptr }

// readImage reads the headers in memory, not the file: that may have been replaced since.
func readImage(base unsafe.Pointer) (image, error) {
	header := (*elf.Header64)(base)
	if string(header.Ident[:len(elf.ELFMAG)]) != elf.ELFMAG || elf.Class(header.Ident[elf.EI_CLASS]) != elf.ELFCLASS64 {
		return image{}, errors.New("it is no 64-bit ELF")
	}
	m := image{base: base, page: os.Getpagesize()}
	for _, p := range unsafe.Slice((*elf.Prog64)(unsafe.Add(base, header.Phoff)), header.Phnum) {
		m.take(p)
	}
	// Constants first, at 0, is also what makes an address in the headers a distance from base.
	if len(m.constants) == 0 || m.constants[0].from != 0 || len(m.sealed) == 0 {
		return image{}, errors.New("it does not begin with constants, or has no RELRO segment")
	}
	return m, nil
}

func (m *image) take(p elf.Prog64) {
	whole := stretch{uintptr(p.Vaddr), uintptr(p.Vaddr + p.Filesz)}
	switch flags := elf.ProgFlag(p.Flags); {
	case elf.ProgType(p.Type) == elf.PT_GNU_RELRO:
		// The linker seals whole pages only, rounded as here.
		mask := ^uintptr(m.page - 1)
		from, to := whole.from&mask, uintptr(p.Vaddr+p.Memsz)&mask
		m.sealed = unsafe.Slice((*uintptr)(unsafe.Add(m.base, from)), int(to-from)/word)
	case elf.ProgType(p.Type) != elf.PT_LOAD || flags&elf.PF_W != 0:
	case flags&elf.PF_X != 0:
		m.code = append(m.code, whole)
	default:
		m.constants = append(m.constants, whole)
	}
}

func (m image) bytes(s stretch) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(m.base, s.from)), int(s.to-s.from))
}

// isCode tells whether all these addresses point into code.
func (m image) isCode(addresses ...uintptr) bool {
	for _, a := range addresses {
		if m.holder(m.code, a) == nil {
			return false
		}
	}
	return true
}

// name is the C string at address, without its end; empty when there is none.
func (m image) name(address uintptr) string {
	const limit = 256
	s := m.holder(m.constants, address)
	if s == nil {
		return ""
	}
	from := address - uintptr(m.base)
	text := m.bytes(stretch{from, min(from+limit, s.to)})
	for i, c := range text {
		if c == 0 {
			return string(text[:i])
		}
	}
	return ""
}

// holder is the stretch among those that address points into, or nil.
func (m image) holder(among []stretch, address uintptr) *stretch {
	offset := address - uintptr(m.base) // wraps to something huge for an address before base
	for i := range among {
		if among[i].from <= offset && offset < among[i].to {
			return &among[i]
		}
	}
	return nil
}

// slot is the place in sealed that address points to.
func (m image) slot(address uintptr) (int, bool) {
	offset := address - uintptr(unsafe.Pointer(unsafe.SliceData(m.sealed)))
	if offset%uintptr(word) != 0 || offset/uintptr(word) >= uintptr(len(m.sealed)) {
		return 0, false
	}
	return int(offset) / word, true
}

// address is where a slot of sealed lies.
func (m image) address(slot int) uintptr {
	return uintptr(unsafe.Pointer(&m.sealed[slot]))
}

// unsealed runs change while the vtable at a slot can be written.
func (m image) unsealed(slot int, change func()) error {
	mask := ^(m.page - 1)
	from, to := slot*word&mask, ((slot+slots)*word+m.page-1)&mask
	pages := unsafe.Slice((*byte)(unsafe.Pointer(&m.sealed[from/word])), to-from)
	if err := syscall.Mprotect(pages, syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
		return fmt.Errorf("make its memory writable: %w", err)
	}
	change()
	if err := syscall.Mprotect(pages, syscall.PROT_READ); err != nil {
		return fmt.Errorf("make its memory read-only again: %w", err)
	}
	return nil
}
