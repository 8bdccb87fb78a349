// A PocketBase with what the two requests need: collections of commands and results, one command for each of so many
// sources, and a user. Says where it listens and the user's token.
//
//	pocketbase DATA_FOLDER SOURCES
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"strconv"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations"
	"github.com/pocketbase/pocketbase/tools/types"
)

var (
	commandNames = []string{"START", "STOP", "DELETE", "SYNC", "UPLOAD_LOG", "RSET_LOG_ACL"}
	results      = []string{"success", "fail"}
	signedIn     = types.Pointer(`@request.auth.id != ""`)
)

func main() {
	sources, err := strconv.Atoi(os.Args[2])
	must(err)
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: os.Args[1]})
	must(app.Bootstrap())
	must(app.RunAllMigrations())
	// Without its record of every request, which is not asked of the others either.
	app.Settings().Logs.MaxDays = 0
	must(app.Save(app.Settings()))
	makeCollections(app)
	makeCommands(app, sources)
	token := makeToken(app)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	app.OnServe().BindFunc(func(event *core.ServeEvent) error {
		event.Listener = listener
		event.InstallerFunc = nil
		fmt.Printf("listening on %s with %s\n", listener.Addr(), token)
		return event.Next()
	})
	must(apis.Serve(app, apis.ServeConfig{HttpAddr: listener.Addr().String()}))
}

func makeCollections(app core.App) {
	commands := core.NewBaseCollection("commands")
	commands.ListRule = signedIn
	commands.Fields.Add(
		&core.TextField{Name: "source", Required: true},
		&core.SelectField{Name: "command_name", Required: true, Values: commandNames},
		&core.TextField{Name: "state", Required: true},
		&core.AutodateField{Name: "created", OnCreate: true},
	)
	commands.AddIndex("commands_by_source", false, "source", "")
	must(app.Save(commands))

	reports := core.NewBaseCollection("results")
	reports.CreateRule = signedIn
	reports.Fields.Add(
		&core.TextField{Name: "source", Required: true},
		&core.SelectField{Name: "command_name", Required: true, Values: commandNames},
		&core.SelectField{Name: "result", Required: true, Values: results},
		&core.JSONField{Name: "result_detail", Required: true},
		&core.AutodateField{Name: "created", OnCreate: true},
	)
	reports.AddIndex("results_by_source", false, "source", "")
	reports.AddIndex("results_by_time", false, "created", "")
	must(app.Save(reports))
}

func makeCommands(app core.App, sources int) {
	must(app.RunInTransaction(func(tx core.App) error {
		commands, err := tx.FindCollectionByNameOrId("commands")
		must(err)
		for number := range sources {
			command := core.NewRecord(commands)
			command.Set("source", fmt.Sprintf("0197f3a2-0000-7000-8000-%012d", number))
			command.Set("command_name", "START")
			command.Set("state", "delivered")
			must(tx.Save(command))
		}
		return nil
	}))
}

func makeToken(app core.App) string {
	users, err := app.FindCollectionByNameOrId("users")
	must(err)
	user := core.NewRecord(users)
	user.SetEmail("agent@example.org")
	user.SetPassword("a-password-of-the-measurement-only")
	must(app.Save(user))
	token, err := user.NewAuthToken()
	must(err)
	return token
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
