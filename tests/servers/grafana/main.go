// Asks a Pyroscope what Grafana's data source for it asks, by the client of Pyroscope's own API over the HTTP client that
// Grafana's SDK makes of a data source's settings. The data source itself is under a licence that is not Sonde's.
//
// Usage: questions SETTINGS, of JSON. A line {"method", "request"} of standard input is answered by a line {"answer"}, or
// {"code", "message"} as Connect has them.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"connectrpc.com/connect"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/grafana/pyroscope/api/gen/proto/go/querier/v1/querierv1connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// As the configuration of a data source has them.
type settings struct {
	URL           string
	BasicAuth     bool
	BasicAuthUser string
	JSONData      json.RawMessage
	Secrets       map[string]string
	// How messages are told: "" by protobuf, as the data source does, "json" as apps of Grafana do.
	Codec string
}

type question struct {
	Method  string
	Request json.RawMessage
}

type reply struct {
	Answer  json.RawMessage `json:"answer,omitempty"`
	Code    string          `json:"code,omitempty"`
	Message string          `json:"message,omitempty"`
}

func httpClient(of settings) (*http.Client, error) {
	source := backend.DataSourceInstanceSettings{
		URL: of.URL, BasicAuthEnabled: of.BasicAuth, BasicAuthUser: of.BasicAuthUser,
		JSONData: of.JSONData, DecryptedSecureJSONData: of.Secrets,
	}
	options, err := source.HTTPClientOptions(context.Background())
	if err != nil {
		return nil, err
	}
	return httpclient.New(options)
}

type call func(json.RawMessage) (proto.Message, error)

// By a method of the client, of a request in the JSON of protobuf.
func by[Request, Answer any](method func(context.Context, *connect.Request[Request]) (*connect.Response[Answer], error)) call {
	return func(text json.RawMessage) (proto.Message, error) {
		request := new(Request)
		if err := protojson.Unmarshal(text, any(request).(proto.Message)); err != nil {
			return nil, err
		}
		answer, err := method(context.Background(), connect.NewRequest(request))
		if err != nil {
			return nil, err
		}
		return any(answer.Msg).(proto.Message), nil
	}
}

func callsOf(client querierv1connect.QuerierServiceClient) map[string]call {
	return map[string]call{
		"ProfileTypes":           by(client.ProfileTypes),
		"LabelNames":             by(client.LabelNames),
		"LabelValues":            by(client.LabelValues),
		"Series":                 by(client.Series),
		"SelectMergeStacktraces": by(client.SelectMergeStacktraces),
		"SelectMergeSpanProfile": by(client.SelectMergeSpanProfile),
		"SelectMergeProfile":     by(client.SelectMergeProfile),
		"SelectSeries":           by(client.SelectSeries),
		"SelectHeatmap":          by(client.SelectHeatmap),
	}
}

func answerTo(calls map[string]call, line []byte) (reply, error) {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return reply{}, err
	}
	method, known := calls[asked.Method]
	if !known {
		return reply{}, fmt.Errorf("no method %q", asked.Method)
	}
	answer, err := method(asked.Request)
	if err != nil {
		return reply{Code: connect.CodeOf(err).String(), Message: err.Error()}, nil
	}
	text, err := protojson.Marshal(answer)
	return reply{Answer: text}, err
}

func run(text string) error {
	var source settings
	if err := json.Unmarshal([]byte(text), &source); err != nil {
		return err
	}
	over, err := httpClient(source)
	if err != nil {
		return err
	}
	var options []connect.ClientOption
	if source.Codec == "json" {
		options = append(options, connect.WithProtoJSON())
	}
	calls := callsOf(querierv1connect.NewQuerierServiceClient(over, source.URL, options...))
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		answer, err := answerTo(calls, lines.Bytes())
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: questions SETTINGS < QUESTIONS")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
