package geo

import (
	"os"
	"time"
)

// File is one file that places are read from, for people who ask how old it is.
type File struct {
	Key     string // of the configuration: geo.city
	Name    string
	Kind    string    // as the file calls itself; empty for lists
	Built   time.Time // as the file says; zero for lists
	Changed time.Time // on disk; zero if it is not there any more
	Bytes   int64
}

// Files lists what is in use. A file that was replaced by one that cannot be used shows as it is on disk, with the
// build of the one that is in use.
func (l *Locator) Files() []File {
	g := l.current.Load()
	list := append(ofDatabases("geo.city", l.cfg.City, g.cities), ofDatabases("geo.asn", l.cfg.ASN, g.asns)...)
	if l.cfg.Networks != "" {
		list = append(list, onDisk(File{Key: "geo.networks", Name: l.cfg.Networks}))
	}
	for _, of := range l.cfg.lists() {
		for _, name := range of.files {
			list = append(list, onDisk(File{Key: of.key, Name: name}))
		}
	}
	return list
}

func ofDatabases(key string, names []string, open []*database) (list []File) {
	for i, name := range names {
		f := File{Key: key, Name: name}
		if i < len(open) { // none is after Close
			f.Kind, f.Built = open[i].reader.Metadata.DatabaseType, open[i].reader.Metadata.BuildTime().UTC()
		}
		list = append(list, onDisk(f))
	}
	return list
}

func onDisk(f File) File {
	if info, err := os.Stat(f.Name); err == nil {
		f.Changed, f.Bytes = info.ModTime().UTC(), info.Size()
	}
	return f
}
