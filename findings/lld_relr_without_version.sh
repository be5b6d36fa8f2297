#!/bin/sh
# lld 16.0.6 (Debian 12) with glibc 2.36: a program linked with --pack-dyn-relocs=relr does not start ("DT_RELR without GLIBC_ABI_DT_RELR
# dependency", exit 127), although this glibc reads such relocations. One would expect it to run as everywhere that DT_RELR is known, since
# ld.lld(1) says no more than that the option packs relocations. It is -z pack-relative-relocs that also makes the program depend on the
# version GLIBC_ABI_DT_RELR, without which this glibc refuses it. What uwrx does: its release is linked with the latter (Package.swift).
set -eu
version=1:16.0.6-15~deb12u1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q "lld-16=$version" "libllvm16=$version" > /dev/null 2>&1 || { echo "cannot download lld-16=$version"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" tools; done
export LD_LIBRARY_PATH="$folder/tools/usr/lib/llvm-16/lib:$folder/tools/usr/lib/x86_64-linux-gnu"
tools/usr/lib/llvm-16/bin/ld.lld --version
unset LD_LIBRARY_PATH
cat > main.c <<'END'
static const char *const words[] = {"one", "two", "three"};
int main(int count, char **arguments) { return words[count % 3][0] == 0 || arguments == 0; }
END
gcc -fPIE -c main.c
# The linker as gcc finds it: by a name in a directory of its own.
mkdir linker
cat > linker/ld.lld <<END
#!/bin/sh
LD_LIBRARY_PATH="$folder/tools/usr/lib/llvm-16/lib:$folder/tools/usr/lib/x86_64-linux-gnu" exec "$folder/tools/usr/lib/llvm-16/bin/ld.lld" "\$@"
END
chmod 755 linker/ld.lld
gcc -B"$folder/linker" -fuse-ld=lld -pie -Wl,--pack-dyn-relocs=relr -o packed main.o
gcc -B"$folder/linker" -fuse-ld=lld -pie -Wl,-z,pack-relative-relocs -o dependent main.o
set +e
said=$(./packed 2>&1); packed=$?
./dependent; dependent=$?
set -e
echo "--pack-dyn-relocs=relr: exit $packed, $said"
echo "-z pack-relative-relocs: exit $dependent"
[ "$packed" = 127 ] && [ "$dependent" = 0 ] && echo "$said" | grep -q "DT_RELR without GLIBC_ABI_DT_RELR"
