package format

import (
	"fmt"
	"maps"
	"slices"
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

// Config changes which fields tell whose request it was, and adds formats.
type Config struct {
	// Token lists the fields that hold the credential, the first with a value wins, in
	// place of the format's own: keys joined with dots (`request.headers.x-team-key`; a
	// dot within a key is written `\.`), or `?name` for a parameter of the query string.
	Token []string `yaml:"token_fields"`
	// Consumer lists the fields that name the owner, in place of the format's own.
	Consumer []string `yaml:"consumer_fields"`
	// Zone is that of times which are text without a zone: a name of the IANA database.
	// Empty is UTC.
	Zone string `yaml:"time_zone"`
	// Custom declares formats by their names.
	Custom map[string]Custom `yaml:"custom"`
}

// Names lists the formats that everybody has; Auto tells them apart.
func Names() []string {
	var names []string
	for _, t := range tables() {
		names = append(names, t.name)
	}
	return names
}

func tables() []table {
	return []table{
		tokenwatchTable(), nginxTable(), kongTable(), apisixTable(), envoyTable(), traefikTable(), caddyTable(),
		haproxyTable(), awsTable(), cloudflareTable(), litellmTable(),
	}
}

// alias gives the format that a name is another name of.
func alias(name string) string {
	switch name {
	case "apache", "combined", "common":
		return "nginx"
	case "istio":
		return "envoy"
	case "aws", "apigateway":
		return "aws-apigateway"
	}
	return name
}

// Lookup gives the format of that name with its own fields.
func Lookup(name string) (Format, error) { return Open(name, Config{}) }

// Open gives the format of that name with the fields of the configuration.
func Open(name string, cfg Config) (Format, error) {
	return openStream(name, cfg, maxWraps)
}

// decoder reads one document: what a stream is made of.
type decoder interface {
	Name() string
	Blank() []string
	naming() naming
	Decode(doc []byte, emit func(*Record) error) error
}

func openDecoder(name string, cfg Config) (decoder, error) {
	if name == Auto {
		return newAuto(cfg)
	}
	if custom, ok := cfg.Custom[name]; ok {
		return custom.open(name, cfg)
	}
	for _, t := range tables() {
		if t.name == alias(name) {
			return newDialect(t, cfg)
		}
	}
	return nil, fmt.Errorf("format %q: want auto or one of %s", name, strings.Join(names(cfg), ", "))
}

// names lists what may be opened.
func names(cfg Config) []string {
	return append(Names(), slices.Sorted(maps.Keys(cfg.Custom))...)
}
