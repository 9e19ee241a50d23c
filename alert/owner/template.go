package owner

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Notice is all that a template can reach: texts, bounded and clean, and nothing that could be
// called.
type Notice struct {
	Owner, Token, Environment string
	Incident, Severity        string
	Title, Sentence           string
	Facts, Table, Reasons     string
	Done, Link                string
}

func noticeOf(m alert.Message) Notice {
	var reasons []string
	for _, r := range m.Reasons {
		reasons = append(reasons, "- "+r.Label+": "+r.Seen)
	}
	return Notice{
		Owner: m.Incident.Consumer, Token: m.Incident.TokenHint, Environment: m.Incident.Environment,
		Incident: m.Incident.ID, Severity: m.Incident.Severity.String(),
		Title: m.Title, Sentence: m.Sentence, Facts: strings.Join(m.Facts, " · "), Table: m.Table(), Reasons: strings.Join(reasons, "\n"),
		Done: strings.Join(acted(m), "\n"), Link: m.Link,
	}
}

// acted leaves out advice that is meant for the SOC.
func acted(m alert.Message) []string {
	var list []string
	for _, a := range m.Actions {
		if !strings.HasPrefix(a, "Nothing was done") {
			list = append(list, a)
		}
	}
	return list
}

// compile reads a template and refuses everything in it but fields, if, else and with: loops and
// functions can be made to take for ever, and no notice needs them.
func compile(text string) (*template.Template, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("must not be empty")
	}
	t, err := template.New("notice").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	if len(t.Templates()) > 1 || t.Tree == nil {
		return nil, errors.New("must hold no further templates")
	}
	if err := plain(t.Root); err != nil {
		return nil, err
	}
	if _, err := fill(t, Notice{}); err != nil {
		return nil, err
	}
	return t, nil
}

func plain(node parse.Node) error {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, inner := range n.Nodes {
			if err := plain(inner); err != nil {
				return err
			}
		}
		return nil
	case *parse.TextNode, *parse.CommentNode:
		return nil
	case *parse.ActionNode:
		return plainPipe(n.Pipe)
	case *parse.IfNode:
		return errors.Join(plainPipe(n.Pipe), plain(n.List), plain(n.ElseList))
	case *parse.WithNode:
		return errors.Join(plainPipe(n.Pipe), plain(n.List), plain(n.ElseList))
	}
	return fmt.Errorf("%s is not available; there are fields such as {{.Owner}}, if, else and with", node)
}

// plainPipe takes a single field, or the dot within with.
func plainPipe(p *parse.PipeNode) error {
	if len(p.Decl) == 0 && len(p.Cmds) == 1 && len(p.Cmds[0].Args) == 1 {
		switch p.Cmds[0].Args[0].(type) {
		case *parse.FieldNode, *parse.DotNode:
			return nil
		}
	}
	return fmt.Errorf("{{%s}} is not available; there are fields such as {{.Owner}}, if, else and with", p)
}

func fill(t *template.Template, n Notice) (string, error) {
	var b strings.Builder
	if err := t.Execute(&b, n); err != nil {
		return "", errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	return b.String(), nil
}
