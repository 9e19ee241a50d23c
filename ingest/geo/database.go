package geo

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"

	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/tokenwatch/tokenwatch/schema"
)

// database is one open file.
type database struct {
	reader *maxminddb.Reader
	decode func(maxminddb.Result) (schema.Place, error)
	// records remembers decoded records by where they are in the file: many addresses share one.
	records *cache[uintptr]
}

// cachedRecords bounds the records remembered of each file, at about 200 bytes each.
const cachedRecords = 1 << 14

// errDamaged says that a file was changed while it was mapped, rather than replaced.
var errDamaged = errors.New("an address database was changed in place")

// openAll opens the files of one key.
func openAll(files []string, key string, layouts []layout) ([]*database, error) {
	var all []*database
	for _, file := range files {
		db, err := open(file, layouts)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w (`make setup` fetches databases that work; MaxMind's and DB-IP's .mmdb files do too)", key, file, err)
		}
		all = append(all, db)
	}
	return all, nil
}

func open(file string, layouts []layout) (*database, error) {
	var db *database
	var err error
	if fault := guarded(func() { db, err = read(file, layouts) }); fault != nil {
		return nil, fault
	}
	return db, err
}

// samples is how many records are looked at for one that tells the layout: some say next to nothing.
const samples = 10_000

func read(file string, layouts []layout) (*database, error) {
	reader, err := maxminddb.Open(file)
	if err != nil {
		return nil, err
	}
	seen := 0
	for result := range reader.Networks() {
		if err := result.Err(); err != nil {
			return nil, fmt.Errorf("reading its records: %w", err)
		}
		for _, layout := range layouts {
			if layout.fits(result) {
				return &database{reader: reader, decode: layout.decode, records: newCache[uintptr](cachedRecords)}, nil
			}
		}
		if seen++; seen == samples {
			break
		}
	}
	return nil, fmt.Errorf("its type is %q, and its records do not tell what is looked for here", reader.Metadata.DatabaseType)
}

// lookup asks one database after the other.
func lookup(all []*database, ip netip.Addr) (place schema.Place, err error) {
	err = guarded(func() {
		for _, db := range all {
			if ip.Is6() && db.reader.Metadata.IPVersion == 4 {
				continue
			}
			var found bool
			if place, found = db.find(ip); found {
				return
			}
		}
	})
	return place, err
}

// find looks an address up. A record that cannot be decoded counts as not found: one flaw in a file
// of millions is no reason to lose the rest.
func (db *database) find(ip netip.Addr) (schema.Place, bool) {
	result := db.reader.Lookup(ip)
	if result.Err() != nil || !result.Found() {
		return schema.Place{}, false
	}
	at := result.Offset()
	if known := db.records.get(mix(uint64(at)), at); known != nil {
		return *known, true
	}
	place, err := db.decode(result)
	if err != nil {
		return schema.Place{}, false
	}
	db.records.put(mix(uint64(at)), at, place)
	return place, true
}

// guarded runs what reads mapped files. When somebody copies a file over a mapped one, instead of renaming
// it into place, reading it may fault; that must not end the process.
func guarded(do func()) (err error) {
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		switch fault := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = errDamaged
		default:
			panic(fault)
		}
	}()
	do()
	return nil
}
