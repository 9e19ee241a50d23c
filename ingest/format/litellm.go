package format

import "bytes"

// litellmTable reads the standard logging payload of LiteLLM's proxy.
//
// user_api_key_hash is the SHA-256 of the virtual key in hexadecimal. Times are seconds
// since the epoch, or text without a zone, which is UTC. A failed call has its status in
// error_information.error_code, as text. Spend logs, as the database has them, name the
// hash api_key and the cost spend. The payload carries whole prompts and answers:
// nothing here names them, so they are never copied, and they are blanked in dead letters.
func litellmTable() table {
	return table{name: "litellm", finish: litellmFinish, private: litellmPrivate(), marks: litellmMarks(), rows: []row{
		{"metadata.user_api_key_hash", credential, plain},
		{"user_api_key_hash", credential, plain},
		{"metadata.api_key_hash", credential, plain},
		{"api_key", credential, plain},
		{"metadata.user_api_key", token, plain},
		{"metadata.headers.authorization", secret, plain},
		{"metadata.headers.x-api-key", secret, plain},

		{"metadata.user_api_key_alias", consumer, plain},
		{"metadata.user_api_key_user_id", consumer, plain},
		{"metadata.user_api_key_team_alias", consumer, plain},
		{"metadata.user_api_key_team_id", consumer, plain},
		{"metadata.user_api_key_org_id", consumer, plain},
		{"metadata.user_api_key_end_user_id", consumer, plain},
		{"user", consumer, plain},
		{"team_id", consumer, plain},
		{"end_user", consumer, plain},

		{"startTime", started, guess},
		{"endTime", ended, guess},
		{"response_time", latency, seconds},
		{"request_duration_ms", latency, millis},

		{"requester_ip_address", client, plain},
		{"metadata.requester_ip_address", client, plain},

		{"metadata.user_api_key_request_route", uri, plain},
		{"error_information.error_code", status, plain},
		{"status", status, outcome},
		{"metadata.user_agent", userAgent, plain},
		{"request_tags", captured, plain}, // "User-Agent: OpenAI/Python 1.30.1" among them
		{"prompt_tokens", unitsIn, plain},
		{"completion_tokens", unitsOut, plain},
		{"usage.prompt_tokens", unitsIn, plain},
		{"usage.completion_tokens", unitsOut, plain},
		{"metadata.usage_object.prompt_tokens", unitsIn, plain},
		{"metadata.usage_object.completion_tokens", unitsOut, plain},
		{"response_cost", costUSD, plain},
		{"spend", costUSD, plain},
		{"id", requestID, plain},
		{"request_id", requestID, plain},
		{"litellm_call_id", requestID, plain},
		{"trace_id", requestID, plain},
		{"responseFlags", envoysOwn, plain}, // Envoy's log in camel case, which has a startTime too
		{"responseCode", envoysOwn, plain},
	}}
}

func litellmPrivate() []string {
	return []string{
		"messages", "response", "prompt", "input", "output", "choices", "content",
		"error_str", "error_message", "traceback", "response_cost_failure_debug_info",
		"model_parameters", "user_api_key_user_email",
	}
}

func litellmFinish(r *Record) {
	litellmKey(r)
	if bytes.IndexByte(r.Client, ',') >= 0 { // use_x_forwarded_for hands the header on as it came
		r.Client, r.ForwardedFor = nil, r.Client
	}
	if len(r.UserAgent) == 0 {
		r.UserAgent = agentTag(r.captured)
	}
}

// agentTag is the user agent among the tags of a request. LiteLLM appends two to the caller's own: the product, and all of it.
func agentTag(tags []byte) []byte {
	const name = "User-Agent: "
	if at := bytes.LastIndex(tags, []byte(name)); at >= 0 {
		return tags[at+len(name):]
	}
	return nil
}

// litellmKey keeps a key that was logged in place of its hash, as old versions do, from
// being taken for something that may be shown.
func litellmKey(r *Record) {
	if isSHA256(r.Credential) || len(r.Credential) == 0 {
		return
	}
	r.Token, r.Credential = r.Credential, nil
	r.secret(r.Token)
}

func isSHA256(b []byte) bool {
	for _, c := range b {
		if unhex(c) > 15 {
			return false
		}
	}
	return len(b) == 64
}

func litellmMarks() []string {
	return []string{"call_type", "startTime", "completionStartTime", "custom_llm_provider", "response_cost", "model_parameters", "requester_ip_address"}
}
