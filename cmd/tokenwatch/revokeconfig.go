package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/apisix"
	"github.com/tokenwatch/tokenwatch/alert/kong"
	"github.com/tokenwatch/tokenwatch/alert/litellm"
	"github.com/tokenwatch/tokenwatch/alert/webhook"
)

// RevokeConfig is what is decided about tokens, and the gateways that carry it out. The webhook's keys stand beside
// those that decide, as they did when it was the only one.
type RevokeConfig struct {
	alert.RevokeConfig `yaml:",inline"`
	Webhook            webhook.Config `yaml:",inline"`
	Kong               kong.Config    `yaml:"kong"`
	APISIX             apisix.Config  `yaml:"apisix"`
	LiteLLM            litellm.Config `yaml:"litellm"`
}

// DefaultRevokeConfig revokes nothing.
func DefaultRevokeConfig() RevokeConfig {
	return RevokeConfig{
		RevokeConfig: alert.DefaultRevokeConfig(), Webhook: webhook.DefaultConfig(), Kong: kong.DefaultConfig(),
		APISIX: apisix.DefaultConfig(), LiteLLM: litellm.DefaultConfig(),
	}
}

// gatewayNames are what revoke.via can be.
var gatewayNames = []string{"webhook", "kong", "apisix", "litellm"}

// Validate checks the decisions, and those gateways that may be called.
func (c RevokeConfig) Validate() error {
	if err := c.RevokeConfig.Validate(); err != nil {
		return err
	}
	if err := c.Webhook.Bounds(); err != nil {
		return err
	}
	for _, name := range append([]string{c.Via}, c.Gateways()...) {
		if !slices.Contains(gatewayNames, name) {
			return fmt.Errorf("revoke.via: %q is none of webhook, kong, apisix, litellm", name)
		}
	}
	for _, name := range c.Gateways() {
		var err error
		switch name {
		case "webhook":
			err = c.Webhook.Validate()
		case "kong":
			err = c.Kong.Validate()
		case "apisix":
			err = c.APISIX.Validate()
		case "litellm":
			err = c.LiteLLM.Validate()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gateways makes those that may be called. They may be at the addresses that revoke.allow opens, all of them.
func (c RevokeConfig) gateways() (list []alert.Gateway, err error) {
	for _, name := range c.Gateways() {
		var g alert.Gateway
		switch name {
		case "webhook":
			g, err = webhook.New(c.Webhook)
		case "kong":
			g, err = kong.New(c.Kong, c.Webhook.Access)
		case "apisix":
			g, err = apisix.New(c.APISIX, c.Webhook.Access)
		case "litellm":
			g, err = litellm.New(c.LiteLLM, c.Webhook.Access)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, g)
	}
	return list, nil
}

// checkRevoking tries the gateways, a line each, and revokes nothing.
func (t *trial) checkRevoking(c RevokeConfig) error {
	gateways, err := c.gateways()
	if err != nil {
		return err
	}
	if c.Enabled() && len(gateways) == 0 {
		t.line("✓", "revoke", "dry run: messages say what would be revoked, nothing is called")
	}
	for _, g := range gateways {
		t.try("revoke: "+g.Name(), func(ctx context.Context) (string, error) {
			if checker, can := g.(alert.Checker); can {
				return "reachable, nothing was revoked", checker.Check(ctx)
			}
			return "configured", nil
		})
	}
	return nil
}
