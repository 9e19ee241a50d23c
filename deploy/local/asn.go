package local

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// asnSources are the files that BuildASN reads, with lines `from,to,asn,name`.
var asnSources = []string{"asn-ipv4.csv", "asn-ipv6.csv"}

// asnType makes geoip2 readers take the file for an ASN database without passing it off as MaxMind's.
const asnType = "DBIP-ASN-Lite (compat=GeoLite2-ASN)"

// BuildASN writes the autonomous systems in csvDir (asn-ipv4.csv and asn-ipv6.csv of the npm package
// @ip-location-db/asn) to out as one MaxMind DB for both address families, with GeoLite2-ASN's keys. It does
// nothing when out is newer than its sources, and replaces out in one step. Addresses that an mmdb cannot hold
// for themselves (reserved ones, and IPv6 networks that stand for IPv4) are left out.
//
// progress, which may be nil, hears how many of the sources' bytes are done. Building takes some seconds and a
// few hundred MiB. A missing source gives an error that wraps ErrMissing; a line that cannot be read is named.
func BuildASN(ctx context.Context, csvDir, out string, progress func(done, total int)) error {
	total, current, err := survey(csvDir, out)
	if err != nil {
		return err
	}
	if progress == nil {
		progress = func(int, int) {}
	}
	if current {
		progress(total, total)
		return nil
	}
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: asnType,
		Description:  map[string]string{"en": "Autonomous systems, from RouteViews, the NRO and DB-IP (CC BY 4.0)"},
		Languages:    []string{"en"},
		RecordSize:   24,
		KeyGenerator: &asnKey{},
	})
	if err != nil {
		return fmt.Errorf("build %s: %w", out, err)
	}
	builder := asnBuilder{tree: tree, progress: func(done int) { progress(done, total) }}
	for _, name := range asnSources {
		if err := builder.readFile(ctx, filepath.Join(csvDir, name)); err != nil {
			return err
		}
	}
	return writeTree(tree, out)
}

// survey adds up the sources' sizes and tells whether out is newer than all of them.
func survey(csvDir, out string) (total int, current bool, err error) {
	made, err := os.Stat(out)
	current = err == nil
	for _, name := range asnSources {
		source, err := os.Stat(filepath.Join(csvDir, name))
		if errors.Is(err, os.ErrNotExist) {
			return 0, false, fmt.Errorf("%s: %w", filepath.Join(csvDir, name), ErrMissing)
		}
		if err != nil {
			return 0, false, fmt.Errorf("build ASN database: %w", err)
		}
		total += int(source.Size())
		current = current && made.ModTime().After(source.ModTime())
	}
	return total, current, nil
}

type asnBuilder struct {
	tree     *mmdbwriter.Tree
	before   int // bytes of the files that are done
	progress func(done int)
}

func (b *asnBuilder) readFile(ctx context.Context, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("build ASN database: %w", err)
	}
	defer file.Close()
	lines := csv.NewReader(bufio.NewReaderSize(file, 1<<20))
	lines.FieldsPerRecord, lines.ReuseRecord = 4, true
	const pause = 4096 // lines between two looks at ctx
	for count := 0; ; count++ {
		if count%pause == 0 {
			b.progress(b.before + int(lines.InputOffset()))
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("build ASN database: %w", err)
			}
		}
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // says the line itself
			return fmt.Errorf("build ASN database: %s: %w", filepath.Base(name), err)
		}
		if err := b.insert(line); err != nil {
			row, _ := lines.FieldPos(0)
			return fmt.Errorf("build ASN database: %s line %d: %w", filepath.Base(name), row, err)
		}
	}
	b.before += int(lines.InputOffset())
	b.progress(b.before)
	return nil
}

func (b *asnBuilder) insert(line []string) error {
	from, err := netip.ParseAddr(line[0])
	if err != nil {
		return err
	}
	to, err := netip.ParseAddr(line[1])
	if err != nil {
		return err
	}
	number, err := strconv.ParseUint(line[2], 10, 32)
	if err != nil {
		return err
	}
	err = b.tree.InsertRange(net.IP(from.AsSlice()), net.IP(to.AsSlice()), mmdbtype.Map{
		"autonomous_system_number":       mmdbtype.Uint32(number),
		"autonomous_system_organization": mmdbtype.String(line[3]),
	})
	var reserved *mmdbwriter.ReservedNetworkError
	var aliased *mmdbwriter.AliasedNetworkError
	if errors.As(err, &reserved) || errors.As(err, &aliased) {
		return nil
	}
	return err
}

// asnKey tells records apart by number and name, which is all they hold; hashing their encoding costs more.
type asnKey struct{ buffer []byte }

// Key implements mmdbwriter.KeyGenerator.
func (k *asnKey) Key(value mmdbtype.DataType) ([]byte, error) {
	record, ok := value.(mmdbtype.Map)
	if !ok {
		return nil, fmt.Errorf("unexpected record %T", value)
	}
	number, _ := record["autonomous_system_number"].(mmdbtype.Uint32)
	name, _ := record["autonomous_system_organization"].(mmdbtype.String)
	k.buffer = strconv.AppendUint(k.buffer[:0], uint64(number), 10)
	k.buffer = append(append(k.buffer, ' '), name...)
	return k.buffer, nil
}

// writeTree writes beside out and renames, so that a reader sees the old file or the new one, never half of it.
func writeTree(tree *mmdbwriter.Tree, out string) (err error) {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	file, err := os.CreateTemp(filepath.Dir(out), filepath.Base(out)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", out, errors.Join(err, os.Remove(file.Name())))
		}
	}()
	_, err = tree.WriteTo(file)
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), out)
}
