package simulate

import (
	"net/netip"
	"strconv"
)

// endpoint is one operation of the simulated API, which serves language models and hosts models and data sets.
// Sizes are in bytes and times in ms: medians of log-normal laws with the spread beside them.
type endpoint struct {
	method, template    string
	in, inSpread        float64
	out, outSpread      float64
	latency, slowSpread float64
	perMegabyte         float64 // ms more for each MB sent
}

const (
	chat = iota
	complete
	embed
	listModels
	getModel
	searchModels
	getDataset
	listDataset
	fetchData
	fetchWeights
	commitData
	uploadFile
	deleteFile
	usage
	whoami
	endpoints
)

func api() [endpoints]endpoint {
	return [endpoints]endpoint{
		chat:         {"POST", "/v1/chat/completions", 2600, 1.0, 2300, 0.8, 2400, 0.8, 0},
		complete:     {"POST", "/v1/completions", 1900, 0.6, 620, 0.5, 330, 0.5, 0},
		embed:        {"POST", "/v1/embeddings", 4200, 0.9, 11800, 0.6, 110, 0.5, 0},
		listModels:   {"GET", "/v1/models", 390, 0.15, 8900, 0.05, 28, 0.5, 0},
		getModel:     {"GET", "/v1/models/{id}", 410, 0.15, 740, 0.1, 21, 0.5, 0},
		searchModels: {"GET", "/api/models?search={q}&limit=20", 430, 0.15, 14200, 0.4, 75, 0.5, 0},
		getDataset:   {"GET", "/api/datasets/{id}", 420, 0.15, 2900, 0.5, 34, 0.5, 0},
		listDataset:  {"GET", "/api/datasets/{id}/tree/main?recursive=true", 440, 0.15, 9800, 0.8, 60, 0.6, 0},
		fetchData:    {"GET", "/datasets/{id}/resolve/main/data/train-{n}-of-00064.parquet", 450, 0.15, 6.2e6, 1.3, 90, 0.5, 22},
		fetchWeights: {"GET", "/{id}/resolve/main/model-{n}-of-00064.safetensors", 450, 0.15, 4.1e7, 1.4, 120, 0.5, 11},
		commitData:   {"POST", "/api/datasets/{id}/commit/main", 52000, 1.6, 390, 0.2, 420, 0.6, 0},
		uploadFile:   {"POST", "/v1/files", 310000, 1.5, 340, 0.1, 650, 0.7, 0},
		deleteFile:   {"DELETE", "/v1/files/{f}", 420, 0.1, 120, 0.1, 46, 0.5, 0},
		usage:        {"GET", "/v1/usage?limit=50", 400, 0.1, 3900, 0.5, 55, 0.5, 0},
		whoami:       {"GET", "/api/whoami-v2", 390, 0.1, 480, 0.1, 14, 0.4, 0},
	}
}

// diet is what a token asks for: how often each endpoint.
type diet [endpoints]float64

func diets() map[string]diet {
	return map[string]diet{
		"assistant":  {chat: 88, listModels: 5, getModel: 3, usage: 2, uploadFile: 2},
		"completion": {complete: 82, chat: 15, listModels: 2, getModel: 1},
		"rag":        {embed: 55, chat: 42, listModels: 2, uploadFile: 1},
		"embedder":   {embed: 96, listModels: 2, getModel: 2},
		"research":   {searchModels: 18, getModel: 12, getDataset: 20, listDataset: 14, fetchData: 16, fetchWeights: 7, chat: 8, whoami: 5},
		"pipeline":   {getDataset: 14, listDataset: 16, fetchData: 58, whoami: 6, commitData: 6},
		"publisher":  {commitData: 40, listDataset: 20, getDataset: 18, whoami: 10, uploadFile: 10, deleteFile: 2},
		"mirror":     {fetchWeights: 44, getModel: 26, searchModels: 16, listDataset: 8, whoami: 6},
		"tests":      {chat: 34, embed: 14, listModels: 22, getModel: 12, whoami: 8, uploadFile: 5, deleteFile: 5},
		"resale":     {chat: 93, listModels: 4, usage: 3},
		"looting":    {whoami: 5, searchModels: 6, getDataset: 16, listDataset: 18, fetchData: 42, fetchWeights: 8, listModels: 3, usage: 2},
		"checking":   {whoami: 14, listModels: 32, usage: 9, chat: 45},
	}
}

// request is one call, before a gateway has written it down.
type request struct {
	end      int64 // when the answer was complete, ms since 1970: when a gateway logs it
	latency  uint32
	token    int32
	story    int32
	status   uint16
	endpoint uint8
	favour   uint8  // which of the token's models or data sets
	in, out  uint32 // bytes on the wire
	draw     uint64 // for ids and small print
	from     netip.Addr
	agent    string
}

// path writes the request's URI.
func (f *Fleet) path(dst []byte, r *request) []byte {
	template := f.api[r.endpoint].template
	for i := 0; i < len(template); i++ {
		if template[i] != '{' {
			dst = append(dst, template[i])
			continue
		}
		dst = f.fill(dst, template[i+1], r)
		for template[i] != '}' {
			i++
		}
	}
	return dst
}

func (f *Fleet) fill(dst []byte, what byte, r *request) []byte {
	t := f.tokens[r.token]
	switch what {
	case 'n':
		dst = append(dst, "000"...)
		dst = append(dst, '0'+byte(r.draw%64/10))
		return append(dst, '0'+byte(r.draw%64%10))
	case 'q':
		all := subjects()
		return append(dst, all[r.draw%uint64(len(all))]...)
	case 'f':
		dst = append(dst, "file-"...)
		dst = strconv.AppendUint(dst, mix(r.draw)|1<<63, 36)
		return strconv.AppendUint(dst, r.draw|1<<63, 36)
	}
	favourites := t.models
	if r.endpoint >= getDataset && r.endpoint <= commitData && r.endpoint != fetchWeights {
		favourites = t.datasets
	}
	return append(dst, favourites[int(r.favour)%len(favourites)]...)
}

func subjects() [8]string {
	return [...]string{"llama", "bert", "whisper", "sentence-similarity", "qwen", "ocr", "reranker", "diffusion"}
}
