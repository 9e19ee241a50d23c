package detect

import "strings"

// A gateway knows a company by several names: one for production, one for development, one for tests. Each answers for
// its own tokens, so deploys and traffic are theirs; but all of them go out through the same gateways and rent the same
// clouds, so that is the company's. A company whose tokens are few has one or two of each name, of which none could
// explain the other's move.
//
// The company is what is left of the consumer's name without the environment at its end: acme of acme-prod and acme-dev,
// and acme of acme in several environments.

// amongCompany is among whom, see gatheringKey.
const amongCompany = "c:"

// leastName is the shortest name of a company that is taken for one; staying relies on it.
const leastName = 3

// companyOf is who an owner is part of; empty of none.
func companyOf(owner string) string {
	name, environment, _ := strings.Cut(owner, "\x00")
	if environment == "" {
		return name
	}
	rest, ends := strings.CutSuffix(name, environment)
	if !ends || len(rest) <= leastName || !strings.ContainsRune("-_./: ", rune(rest[len(rest)-1])) {
		return name
	}
	return rest[:len(rest)-1]
}

func (k gatheringKey) company() bool { return strings.HasPrefix(k.among, amongCompany) }

// oneOwner reports whether the tokens of a gathering answer to one owner or one company.
func (k gatheringKey) oneOwner() bool { return k.owners() || k.company() }

// whose is the company of which a gathering's tokens are, behind amongCompany.
func (k gatheringKey) whose() string {
	if k.company() {
		return k.among
	}
	return amongCompany + companyOf(strings.TrimPrefix(k.among, amongOwner))
}

// weighUp judges a gathering that has changed. Who is shown the sightings of other partitions does not know how many
// tokens a company has, and leaves companies to those who do.
func (c *Campaigns) weighUp(g *gathering, active, tokens int, now int64) {
	if g.key.company() {
		a := c.owners[g.key.among]
		if a == nil {
			return
		}
		active = a.count()
	}
	g.judge(active, tokens, now, c.rate())
}
