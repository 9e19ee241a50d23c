package simulate

import "strconv"

// litellm writes a request as the standard logging payload of LiteLLM's proxy: the key by its hash, times in seconds,
// LLM tokens and what they cost; no sizes. A failure has its status in words and in a text.
func (f *Fleet) litellm(dst []byte, r *request) []byte {
	t := f.tokens[r.token]
	in, out := r.units()
	failed := r.status >= 400
	outcome, code := "success", ""
	if failed {
		outcome, code = "failure", strconv.Itoa(int(r.status))
	}
	dst = id(dst, `{"id":"chatcmpl-`, r)
	dst = text(dst, `,"trace_id":null,"call_type":"acompletion","stream":false,"custom_llm_provider":"openai","status":"`, outcome)
	dst = seconds(append(dst, `,"startTime":`...), uint64(r.began()))
	dst = seconds(append(dst, `,"endTime":`...), uint64(r.end))
	dst = seconds(append(dst, `,"completionStartTime":`...), uint64(r.end))
	dst = seconds(append(dst, `,"response_time":`...), uint64(r.latency))
	dst = text(dst, `,"model":"gpt-4o","metadata":{"user_api_key_hash":"`, t.Credential)
	dst = text(dst, `,"user_api_key_alias":"`, t.consumer)
	dst = text(dst, `,"user_api_key_team_id":"`, t.owner.slug)
	dst = f.uri(dst, `,"user_api_key_request_route":"`, r)
	dst = text(dst, `,"user_agent":"`, r.agent)
	dst = address(dst, `,"requester_ip_address":"`, r)
	dst = append(dst, `},"response_cost":`...)
	dst = strconv.AppendFloat(dst, float64(in)*2.5e-6+float64(out)*1e-5, 'f', 8, 64)
	dst = count(dst, `,"total_tokens":`, in+out)
	dst = count(dst, `,"prompt_tokens":`, in)
	dst = count(dst, `,"completion_tokens":`, out)
	dst = address(dst, `,"requester_ip_address":"`, r)
	dst = text(dst, `,"model_parameters":{},"error_information":{"error_code":"`, code)
	return append(dst, `}}`...)
}

// own writes a request as tokenwatch's own JSON.
func (f *Fleet) own(dst []byte, r *request) []byte {
	t := f.tokens[r.token]
	dst = instant(dst, `{"time":"`, r.began(), "2006-01-02T15:04:05.000Z")
	dst = text(dst, `,"token":"Bearer `, t.Secret)
	dst = text(dst, `,"consumer":"`, t.consumer)
	dst = text(dst, `,"environment":"`, t.Environment)
	dst = address(dst, `,"peer_ip":"`, r)
	dst = text(dst, `,"method":"`, f.api[r.endpoint].method)
	dst = f.uri(dst, `,"uri":"`, r)
	dst = count(dst, `,"status":`, uint64(r.status))
	dst = count(dst, `,"bytes_in":`, uint64(r.in))
	dst = count(dst, `,"bytes_out":`, uint64(r.out))
	dst = count(dst, `,"latency_ms":`, uint64(r.latency))
	dst = text(dst, `,"user_agent":"`, r.agent)
	if in, out := r.units(); in > 0 {
		dst = count(count(dst, `,"units_in":`, in), `,"units_out":`, out)
	}
	return append(id(dst, `,"request_id":"`, r), '}')
}
