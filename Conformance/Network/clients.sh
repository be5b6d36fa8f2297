#!/bin/sh
# clients.sh HTTP-PORT HTTPS-PORT: what programs are answered by web.py at web.test. Prints the same each time.
for url in "http://web.test:$1" "https://web.test:$2"; do
  curl -sS "$url/file" "$url/chunked" "$url/file"
  curl -sS -L "$url/moved"
  curl -sS -o empty -w '%{http_code}\n' "$url/empty" "$url/missing" 2>&1
  curl -sS -d body "$url/post"; echo
  printf 'in chunks' | curl -sS -H 'Transfer-Encoding: chunked' -d @- "$url/post"; echo
  curl -sS -r 2-5 "$url/file"; echo
  curl -sS -c jar -b jar -H 'Authorization: Bearer of-the-guest' "$url/cookie" "$url/cookie"
  curl -sS "$url/large" | sha256sum
  wget -q -O - "$url/file"
  python3 - "$url" << 'PYTHON'
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1] + "/file").read())
PYTHON
done
git clone -q "https://web.test:$2/repository.git" clone && cat clone/readme
if command -v node > /dev/null; then
  node -e 'fetch(process.argv[1]).then(r => r.text()).then(t => console.log("node", t), e => console.log(e.cause))' "https://web.test:$2/file"
fi
if command -v java > /dev/null; then
  cat > Get.java << 'JAVA'
import java.net.URI;
import java.net.http.*;
public class Get {
  public static void main(String[] a) throws Exception {
    var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    System.out.print(client.send(HttpRequest.newBuilder(URI.create(a[0])).build(), HttpResponse.BodyHandlers.ofString()).body());
  }
}
JAVA
  java Get.java "https://web.test:$2/file"
fi
