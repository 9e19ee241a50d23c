package ingest

import "bytes"

// minHinted is how long a token must be for a hint: of the shortest ones that are issued
// (AKIA and 16 characters) the hint leaves 12 unknown.
const minHinted = 20

// issuers are the prefixes by which a token is known, longer ones before their own prefixes.
var issuers = [...]string{
	"github_pat_", "sk-proj-", "sk-ant-", "sk-or-", "sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_",
	"dop_v1_", "doo_v1_", "dor_v1_", "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-", "glimt-", "gloas-", "glagent-", "r8_", "figd_", "ntn_", "tvly-", "npm_", "pypi-", "shpat_", "shpss_", "shpca_", "whsec_", "lin_api_", "sntrys_", "nvapi-", "AGE-SECRET-KEY-", "hvs.", "hvb.", "xoxb-", "xoxp-", "xoxa-", "xoxs-", "xoxe-", "xapp-",
	"hf_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "gsk_", "sk-", "AKIA", "ASIA", "AIza", "ya29.", "eyJ", "SG.",
	"xai-", "pplx-", "GOCSPX-", "dckr_pat_", "tskey-", "ATATT3", "ATCTT3", "PMAK-", "NRAK-", "sq0atp-", "sq0csp-", "sbp_", "tgp_v1_", "csk-", "phx_",
	"QUtJQ", "QVNJQ", // AKIA and ASIA in base64
}

// Hint is what may be shown of a raw token, with or without its scheme: "hf_…x9Qz", or
// nothing if the token is too short for that.
func Hint(raw []byte) string { return string(appendHint(nil, canonical(raw))) }

// appendHint appends what may be shown of a token: its issuer's prefix and its last four
// characters, "hf_…x9Qz". Of a token that is short, or not of an issuer's making, such as
// user:password, nothing may be shown.
func appendHint(dst, token []byte) []byte {
	if len(token) < minHinted || !plainToken(token) {
		return dst
	}
	dst = append(dst, prefix(token)...)
	dst = append(dst, "…"...)
	return append(dst, token[len(token)-4:]...)
}

// appendIDHint appends what tells a credential's id from others: its end. The id is no
// secret, but it is long.
func appendIDHint(dst, id []byte) []byte {
	if len(id) < 12 || !plainToken(id) {
		return dst
	}
	return append(append(dst, "…"...), id[len(id)-4:]...)
}

// plainToken reports whether a token is made of what issuers use. That leaves out
// passwords, where the last four characters give too much away.
func plainToken(token []byte) bool {
	for _, c := range token {
		if !wordByte(c) || c >= 0x80 {
			return false
		}
	}
	return true
}

// prefix is a known issuer's, or up to ten letters of one case and the first underscore or hyphen if
// that leaves enough unknown. Letters whose case changes may be drawn like the rest.
func prefix(token []byte) []byte {
	for _, known := range issuers {
		if bytes.HasPrefix(token, []byte(known)) {
			return token[:len(known)]
		}
	}
	for i, c := range token[:min(11, len(token)-16)] {
		if c == '_' || c == '-' {
			if classes(token[:i]) > 0 {
				return nil
			}
			return token[:i+1]
		}
		if c|0x20 < 'a' || c|0x20 > 'z' {
			break
		}
	}
	return nil
}
