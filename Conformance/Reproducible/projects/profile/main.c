int main(int count, char **arguments) {
  (void)arguments;
  return count > 3;
}
