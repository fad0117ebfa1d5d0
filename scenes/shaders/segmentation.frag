#version 330 core
uniform vec3 color; // the object's number, the same in each channel
out vec4 frag_color;

void main()
{
    frag_color = vec4(color, 1.0);
}
