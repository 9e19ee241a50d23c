package format

import (
	"fmt"
	"strings"
)

// Format decodes the records of one gateway. It keeps the state of the record at hand:
// every goroutine needs its own.
type Format interface {
	// Name is the format's name in the configuration and in events.source.
	Name() string

	// Decode calls emit for each entry of the record, in order. An entry that cannot
	// become an event carries its fault in Record.Err and does not keep the others from
	// being read. Decode itself fails with a *Fault when the record as a whole is not
	// what it should be; then the caller discards what emit was given, since encoding/json
	// would not have shown it. An error of emit ends Decode and is returned.
	Decode(value []byte, emit func(*Record) error) error

	// Blank names the keys whose values must not be stored with a refused record:
	// credentials, prompts and bodies. Lower case.
	Blank() []string
}

// Config changes which fields tell whose request it was.
type Config struct {
	// Token lists the fields that hold the credential, the first with a value wins, in
	// place of the format's own: keys joined with dots (`request.headers.x-team-key`; a
	// dot within a key is written `\.`), or `?name` for a parameter of the query string.
	Token []string `yaml:"token_fields"`
	// Consumer lists the fields that name the owner, in place of the format's own.
	Consumer []string `yaml:"consumer_fields"`
}

// Names lists the formats; Auto tells them apart.
func Names() []string {
	var names []string
	for _, t := range tables() {
		names = append(names, t.name)
	}
	return names
}

func tables() []table {
	return []table{tokenwatchTable(), nginxTable(), kongTable(), litellmTable()}
}

// Lookup gives the format of that name with its own fields.
func Lookup(name string) (Format, error) { return Open(name, Config{}) }

// Open gives the format of that name with the fields of the configuration.
func Open(name string, cfg Config) (Format, error) {
	if name == Auto {
		return newAuto(cfg)
	}
	for _, t := range tables() {
		if t.name == name {
			return newReader(t, cfg)
		}
	}
	return nil, fmt.Errorf("format %q: want auto or one of %s", name, strings.Join(Names(), ", "))
}
