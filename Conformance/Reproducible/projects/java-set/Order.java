import java.util.Set;

public class Order {
    public static void main(String[] arguments) {
        System.out.println(Set.of("red", "orange", "yellow", "green", "blue", "indigo", "violet", "black", "white"));
    }
}
