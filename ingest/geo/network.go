package geo

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

//go:embed asn_kinds.txt
var builtInKinds string

// maxKinds bounds the list: there are about 85,000 autonomous systems in use.
const maxKinds = 200_000

// kinds tells what kind of network an autonomous system is.
type kinds map[uint32]schema.Network

// loadKinds reads the configured list, or else the one built in.
func loadKinds(file string) (kinds, error) {
	if file == "" {
		return readKinds(strings.NewReader(builtInKinds))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("geo.networks: %w", err)
	}
	defer f.Close()
	all, err := readKinds(f)
	if err != nil {
		return nil, fmt.Errorf("geo.networks: %s:%w", file, err)
	}
	return all, nil
}

// readKinds reads lines of "KIND ASN NAME". Its errors begin with the line's number.
func readKinds(r io.Reader) (kinds, error) {
	all := kinds{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := all.add(strings.Fields(line)); err != nil {
			return nil, fmt.Errorf("%d: %w", n, err)
		}
	}
	return all, lines.Err()
}

func (k kinds) add(fields []string) error {
	if len(fields) < 2 {
		return fmt.Errorf("%q is not KIND ASN NAME", strings.Join(fields, " "))
	}
	var kind schema.Network
	if err := kind.UnmarshalText([]byte(fields[0])); err != nil {
		return err
	}
	number, err := strconv.ParseUint(strings.TrimPrefix(fields[1], "AS"), 10, 32)
	if err != nil {
		return fmt.Errorf("%q is not the number of an autonomous system", fields[1])
	}
	if len(k) == maxKinds {
		return fmt.Errorf("more than %d networks", maxKinds)
	}
	k[uint32(number)] = kind
	return nil
}

// of judges a network by its number when that is listed, and else by its name.
func (k kinds) of(number uint32, name string) schema.Network {
	if kind, listed := k[number]; listed {
		return kind
	}
	return judge(name)
}
