package signin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"unicode"
)

// adminName is who signs in with console.password.
const adminName = "admin"

// mostName bounds names, in bytes.
const mostName = 100

// people are those who sign in with passwords. Names and passwords are compared as keyed hashes, all of them each time:
// how long an answer takes tells neither how much of a password is right nor whether there is such a name.
type people struct {
	key  []byte
	list []known
}

type known struct {
	person         Person
	name, password []byte // keyed hashes
	plain          string
}

func newPeople(cfg Config) *people {
	p := &people{key: []byte(rand.Text())}
	if cfg.Password != "" {
		p.add(adminName, Admin, cfg.Password.Reveal())
	}
	for name, u := range cfg.Users {
		p.add(name, u.Role, u.Password.Reveal())
	}
	return p
}

func (p *people) add(name string, role Role, password string) {
	p.list = append(p.list, known{Person{Name: name, Role: role, Via: viaPassword}, p.hash(name), p.hash(password), password})
}

func (p *people) hash(text string) []byte {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func (p *people) check(name, password string) (who Person, right bool) {
	n, w := p.hash(name), p.hash(password)
	found := -1
	for i, k := range p.list {
		both := subtle.ConstantTimeCompare(n, k.name) & subtle.ConstantTimeCompare(w, k.password)
		found = subtle.ConstantTimeSelect(both, i, found)
	}
	if found < 0 {
		return Person{}, false
	}
	return p.list[found].person, true
}

// has tells whether somebody of that name signs in with a password.
func (p *people) has(name string) bool {
	_, found := p.credential(name)
	return found
}

// credential is what a person's sessions are sealed with.
func (p *people) credential(name string) (string, bool) {
	for _, k := range p.list {
		if k.person.Name == name {
			return strings.Join([]string{viaPassword, name, k.person.Role.String(), k.plain}, "\x00"), true
		}
	}
	return "", false
}

// bounded makes a name from outside valid, short and of one line.
func bounded(name string) string {
	name = strings.ToValidUTF8(name[:min(len(name), mostName)], "")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) { // nor what turns the direction of writing
			return -1
		}
		return r
	}, name))
}
