package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

type setupCommand struct{}

// Run builds the ASN database beside the packages that npm fetched, and says what is
// there. What npm would have to fetch it names, with the command that does.
func (setupCommand) Run(p *process) error {
	assets, err := local.FindAssets()
	if assets.ASNCSV == "" {
		return errors.Join(err, fmt.Errorf("asn-ipv4.csv, asn-ipv6.csv: %w", local.ErrMissing))
	}
	out := assets.ASN
	if out == "" {
		// <deploy/local>/node_modules/@ip-location-db/asn → <deploy/local>/data
		out = filepath.Join(assets.ASNCSV, "..", "..", "..", "data", "asn.mmdb")
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fmt.Errorf("making the folder for the ASN database: %w", err)
	}
	bar, begun := newGauge(p.stderr), false
	err = local.BuildASN(p.ctx, assets.ASNCSV, out, func(done, total int) {
		if !begun {
			begun = true
			bar.begin("Building the database of networks", int64(total), "ranges")
		}
		bar.set(int64(done))
	})
	bar.end()
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, "Database of networks ready:", shorter(out))
	_, err = local.FindAssets()
	return err
}

// shorter is a path relative to the working directory where that is shorter.
func shorter(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}
