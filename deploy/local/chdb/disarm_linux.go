package chdb

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Disarm keeps ClickHouse alive when a client misbehaves. Call it once, between Open and Run.
//
// libchdb holds clickhouse-local, a program for one user, which ends itself on an exception that nobody caught:
// it hands Poco, the library under its TCP and HTTP servers, a KillingErrorHandler, whose methods call
// std::terminate. As a server it meets such exceptions all the time, because TCPHandler throws on whatever ends a
// connection: a wrong password, an unknown database, bytes that are no greeting (a port scan), a client that hangs
// up in the middle of an answer. clickhouse-server hands Poco another handler, which is not in the library, and no
// setting chooses one.
//
//	                     KillingErrorHandler     Poco::ErrorHandler, its base
//	0, 1  destructors    its own                 its own
//	2     exception(const Poco::Exception &)     ends   ◄──────────  returns
//	3     exception(const std::exception &)      ends   ◄──────────  returns
//	4     exception()                            ends   ◄──────────  returns
//
// So the three entries are copied in memory from the base's vtable to the handler's. A derived class may always do
// what its base does, hence nothing else can tell the difference: the thread ends its connection and serves the
// next. The file on disk stays as it is.
//
// Neither class is exported, so both are looked for by the names of their runtime type information (see rtti). A
// library in which they are not found, or look otherwise than expected, is left untouched; the error, which wraps
// ErrArmed, says what was missing, and Run works all the same.
func (l Library) Disarm() error {
	base, err := loadedAt(l.entry)
	if err == nil {
		err = disarm(base)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArmed, err)
	}
	return nil
}

// exceptions are the vtable entries of ErrorHandler's three methods, in the order of their declaration.
var exceptions = [...]int{2, 3, 4}

func disarm(base unsafe.Pointer) error {
	m, err := readImage(base)
	if err != nil {
		return fmt.Errorf("read the library's layout: %w", err)
	}
	killing, harmless, err := m.errorHandlers()
	if err != nil {
		return fmt.Errorf("look for its error handlers: %w", err)
	}
	err = m.unsealed(killing, func() {
		for _, n := range exceptions {
			m.sealed[killing+n] = m.sealed[harmless+n]
		}
	})
	if err != nil {
		return fmt.Errorf("change its error handler: %w", err)
	}
	return nil
}

// dlInfo is Dl_info of <dlfcn.h>. What is not read here are the file's name, and the nearest symbol's name and
// address.
type dlInfo struct {
	_    *byte
	base unsafe.Pointer
	_    *byte
	_    unsafe.Pointer
}

// loadedAt asks the dynamic linker where the library that holds address begins.
func loadedAt(address uintptr) (unsafe.Pointer, error) {
	symbol, err := purego.Dlsym(purego.RTLD_DEFAULT, "dladdr")
	if err != nil {
		return nil, fmt.Errorf("find dladdr: %w", err)
	}
	var dladdr func(address uintptr, info *dlInfo) int32
	purego.RegisterFunc(&dladdr, symbol)
	var info dlInfo
	if dladdr(address, &info) == 0 || info.base == nil {
		return nil, errors.New("the dynamic linker does not know where the library is")
	}
	return info.base, nil
}
