// Calls huaweicloud-sdk-go-v3, unmodified, for the tests. Usage: sms register NAME | poll SOURCE | report SOURCE COMMAND |
// show SOURCE | call METHOD MEMBERS, where MEMBERS are those of the method's request as JSON. The environment has FERRY_ENDPOINT, FERRY_ACCESS_KEY, FERRY_SECRET_KEY and one of FERRY_PROJECT_ID and
// FERRY_REGION, whose project is then looked up; FERRY_SECURITY_TOKEN and FERRY_CACERT where needed. Prints one line
// of JSON: {"project", "reply"} or {"raised"}.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/region"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	sms "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/sms/v3"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/sms/v3/model"
)

func main() {
	var answer map[string]any
	reply, project, err := run(os.Args[1:])
	var refusal *sdkerr.ServiceResponseError
	switch {
	case errors.As(err, &refusal):
		answer = map[string]any{"raised": refusal}
	case err != nil:
		answer = map[string]any{"raised": map[string]any{"error_message": err.Error()}}
	default:
		answer = map[string]any{"project": project, "reply": reply}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) (reply any, project string, err error) {
	if len(args) < 2 {
		return nil, "", errors.New("usage: sms register NAME | poll SOURCE | report SOURCE COMMAND | show SOURCE | call METHOD MEMBERS")
	}
	client, credentials, err := connect()
	if err != nil {
		return nil, "", err
	}
	switch args[0] {
	case "register":
		reply, err = register(client, args[1])
	case "poll":
		reply, err = client.ShowCommand(&model.ShowCommandRequest{ServerId: args[1]})
	case "report":
		var detail any = map[string]any{"pid": 4117, "note": "größer <&>"}
		body := &model.CommandBody{CommandName: args[2], Result: "success", ResultDetail: &detail}
		reply, err = client.UpdateCommandResult(&model.UpdateCommandResultRequest{ServerId: args[1], Body: body})
	case "show":
		reply, err = client.ShowServer(&model.ShowServerRequest{SourceId: args[1]})
	case "call":
		reply, err = call(client, args[1], args[2])
	}
	return reply, credentials.ProjectId, err
}

// call makes the SDK's own models from the members and hands them to the client's method.
func call(client *sms.SmsClient, name, members string) (any, error) {
	method := reflect.ValueOf(client).MethodByName(name)
	if !method.IsValid() {
		return nil, fmt.Errorf("the client has no method %s", name)
	}
	request := reflect.New(method.Type().In(0).Elem())
	decoder := json.NewDecoder(strings.NewReader(members))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(request.Interface()); err != nil {
		return nil, err
	}
	results := method.Call([]reflect.Value{request})
	if err, _ := results[1].Interface().(error); err != nil {
		return nil, err
	}
	reply := results[0].Interface()
	if stream, ok := reply.(interface {
		Consume(io.Writer) (int64, error)
	}); ok {
		var text strings.Builder
		_, err := stream.Consume(&text)
		return text.String(), err
	}
	return reply, nil
}

func connect() (*sms.SmsClient, *basic.Credentials, error) {
	endpoint := os.Getenv("FERRY_ENDPOINT")
	credentials, err := basic.NewCredentialsBuilder().
		WithAk(os.Getenv("FERRY_ACCESS_KEY")).
		WithSk(os.Getenv("FERRY_SECRET_KEY")).
		WithSecurityToken(os.Getenv("FERRY_SECURITY_TOKEN")).
		WithProjectId(os.Getenv("FERRY_PROJECT_ID")).
		WithIamEndpointOverride(endpoint).
		SafeBuild()
	if err != nil {
		return nil, nil, err
	}
	builder := sms.SmsClientBuilder().WithCredential(credentials)
	if file := os.Getenv("FERRY_CACERT"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		authorities := x509.NewCertPool()
		authorities.AppendCertsFromPEM(pem)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}}
		builder = builder.WithHttpConfig(config.DefaultHttpConfig().WithHttpTransport(transport))
	}
	if name := os.Getenv("FERRY_REGION"); name != "" {
		builder = builder.WithRegion(region.NewRegion(name, endpoint))
	} else {
		builder = builder.WithEndpoints([]string{endpoint})
	}
	client, err := builder.SafeBuild()
	if err != nil {
		return nil, nil, err
	}
	return sms.NewSmsClient(client), credentials, nil
}

func register(client *sms.SmsClient, name string) (any, error) {
	ip, yes, loader := "192.0.2.10", true, "GRUB"
	memory, mtu := int64(17_179_869_184), int32(1500)
	return client.RegisterServer(&model.RegisterServerRequest{Body: &model.PostSourceServerBody{
		Name:         name,
		Ip:           &ip,
		OsType:       model.GetPostSourceServerBodyOsTypeEnum().LINUX,
		OsVersion:    "UBUNTU_20_4_64BIT",
		AgentVersion: "25.2.0",
		Memory:       &memory,
		Networks:     []model.NetWork{{Mac: "02:00:00:00:00:01", Ip: &ip, Mtu: &mtu}},
		HasRsync:     &yes,
		HasTc:        &yes,
		BootLoader:   &loader,
	}})
}
