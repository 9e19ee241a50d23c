package format

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// queryNames are the parameters under which callers put a key into the query string.
func queryNames() [][]byte {
	return bytes.Fields([]byte("api_key apikey api-key x-api-key access_token auth_token token key"))
}

// configure puts the fields of the configuration in the place of the table's. A field
// that held a token and no longer does stays a secret: it is still kept out of what is
// stored.
func (t *table) configure(cfg Config) (query [][]byte, err error) {
	query = queryNames()
	fields := slices.Clone(cfg.Token)
	if len(fields) > 0 {
		query = nil
		fields = slices.DeleteFunc(fields, func(field string) bool {
			name, ok := strings.CutPrefix(field, "?")
			if ok {
				query = append(query, []byte(strings.ToLower(name)))
			}
			return ok
		})
		t.demote(token, secret)
	}
	if len(cfg.Consumer) > 0 {
		t.rows = slices.DeleteFunc(t.rows, func(r row) bool { return r.what == consumer })
	}
	if err := t.promote(token, fields); err != nil {
		return nil, fmt.Errorf("token_fields: %w", err)
	}
	if err := t.promote(consumer, cfg.Consumer); err != nil {
		return nil, fmt.Errorf("consumer_fields: %w", err)
	}
	return query, nil
}

func (t *table) demote(from, to what) {
	for i := range t.rows {
		if t.rows[i].what == from {
			t.rows[i].what = to
		}
	}
}

// promote sets the rows of these fields, which may have been something else, in front.
func (t *table) promote(to what, fields []string) error {
	rows := make([]row, 0, len(fields))
	for _, field := range fields {
		if strings.TrimSpace(field) == "" {
			return fmt.Errorf("an empty field")
		}
		t.rows = slices.DeleteFunc(t.rows, func(r row) bool { return r.path == field })
		rows = append(rows, row{path: field, what: to})
	}
	t.rows = append(rows, t.rows...)
	return nil
}

// blank lists the keys of credentials and private fields: the last key of each path.
func (t *table) blank() []string {
	names := slices.Clone(t.private)
	for _, r := range t.rows {
		if r.what == token || r.what == secret {
			path := keys(r.path)
			names = append(names, strings.ToLower(path[len(path)-1]))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fields lists the first paths of a what, for a message.
func (t *table) fields(of ...what) string {
	const enough = 4
	var paths []string
	for _, r := range t.rows {
		if slices.Contains(of, r.what) {
			paths = append(paths, r.path)
		}
	}
	if more := len(paths) - enough; more > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(paths[:enough], ", "), more)
	}
	return strings.Join(paths, ", ")
}
