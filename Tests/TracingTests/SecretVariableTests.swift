import Testing

@testable import Tracing

struct SecretVariableTests {
  @Test(arguments: [
    "GITHUB_TOKEN=x", "SECRET_TOKEN=hunter2", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_SESSION_TOKEN=x",
    "AZURE_CLIENT_SECRET=x", "GOOGLE_APPLICATION_CREDENTIALS=x", "DOCKER_AUTH_CONFIG=x", "SSH_AUTH_SOCK=/tmp/agent",
    "NPM_CONFIG__AUTH=x", "npm_config_//registry.npmjs.org/:_authToken=x", "PGPASSWORD=x", "MYSQL_PWD=x", "DB_PASS=x",
    "SSHPASS=x", "apiKey=x", "OPENAI_API_KEY=x", "KEY=x", "GH_PAT=x",
    "SESSION_COOKIE=x",
    "X=ghp_0123456789abcdefghij0123456789abcdef", "X=AKIAABCDEFGHIJKLMNOP", "X=glpat-0123456789abcdefghij",
    "X=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "X=-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
    "http_proxy=http://user:password@proxy:3128/", "DATABASE_URL=postgres://me:pw@db/x",
    "X=Authorization: Bearer 0123456789ab", "X=Authorization: Basic dXNlcjpwYXNzd29yZA==",
    "DBPASS=x", "DB_PASS1=x", "ADMIN_PW=x", "MYSQLPWD=x", "SIGNKEY=x", "GHPAT=x", "SLACK_WEBHOOK_URL=x",
    "SLACK_WEBHOOK=x",
    "DSN=user:pw@tcp(db:3306)/x", "X=https://0123456789abcdefABCDEF@example.com/x.git",
    "X=https://hooks.slack.com/services/T00000000/B00000000/x", "X=hf_abcdefGHIJ0123456789kl",
    "X=-----BEGIN PRIVATE KEY-----\nMC4C",
    "X=Server=db;User=sa;Password=0123456789",
  ])
  func secretsAreKnown(_ variable: String) { #expect(SecretVariable.isSecret(variable)) }

  @Test(arguments: [
    "PATH=/usr/bin:/bin", "HOME=/home/me", "PWD=/home/me", "OLDPWD=/", "KEYBOARD=us", "KEYMAP=de",
    "XKB_DEFAULT_LAYOUT=de",
    "GPG_TTY=/dev/pts/0", "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", "XAUTHORITY=/home/me/.Xauthority",
    "GIT_AUTHOR_NAME=me", "SSH_ASKPASS=/usr/bin/ssh-askpass", "TOKENIZERS_PARALLELISM=false", "AWS_PROFILE=x",
    "AWS_REGION=x",
    "MONKEY=x", "COMPASS=x", "LANG=C.UTF-8", "LS_COLORS=rs=0:di=01;34:*.tar=01;31", "URL=https://example.com:8080/a@b",
    "MAIL=me@example.com", "X=https://user@example.com/", "GITHUB_TOKEN=", "NAME", "LESSKEY=x", "DESKTOP_SESSION=gnome",
    "X=sk-SK.UTF-8", "X=sk-learn-0.24.1-py3-none-any", "X=hf_transformers_cache_directory", "MAX_TOKENS=4096",
    "TOKEN_LIMIT=1", "KEY_LENGTH=2048", "PASS_COUNT=3", "AUTH_URL=https://example.com/login", "AUTH_TOKEN_FILE=/run/t",
    "AWS_WEB_IDENTITY_TOKEN_FILE=/run/t", "ANSIBLE_VAULT_PASSWORD_FILE=x", "CREDENTIAL_PROVIDER=x", "TOKENIZER=bpe",
    "X=Basic functionality works", "X=Bearer authentication is used", "X=-----BEGIN CERTIFICATE-----\nMIIB",
    "X=ssh://git@example.com/a.git", "HOTKEY=x", "PW=x", "BYPASS=1", "COMPAT=1", "SCHEME=tcp:a@b",
    "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus",
  ])
  func theRestPasses(_ variable: String) { #expect(!SecretVariable.isSecret(variable)) }

  @Test func whatIsRecordedTellsEqualFromDifferent() {
    let (mine, other) = (SecretVariable(key: [1]), SecretVariable(key: [2]))
    let recorded = mine.recorded("API_TOKEN=hunter2")
    #expect(recorded.hasPrefix("API_TOKEN=<secret:") && !recorded.contains("hunter2"))
    #expect(recorded == mine.recorded("API_TOKEN=hunter2") && recorded != mine.recorded("API_TOKEN=hunter3"))
    #expect(recorded != other.recorded("API_TOKEN=hunter2"))
    #expect(mine.recorded("PATH=/bin") == "PATH=/bin")
  }

  /// RFC 4231, test cases 1 and 2; FIPS 180-4's example of two blocks.
  @Test func digests() {
    func text(_ digest: [UInt8]) -> String { String(decoding: SHA256.text(digest), as: UTF8.self) }
    #expect(
      text(SHA256.authenticate(Array("Hi There".utf8), key: [UInt8](repeating: 0x0b, count: 20)))
        == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    #expect(
      text(SHA256.authenticate(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    #expect(
      text(SHA256.digest(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)))
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
  }
}
