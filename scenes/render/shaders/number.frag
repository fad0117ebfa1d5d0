#version 330 core
uniform float number; // the object's, in 255ths
out vec4 frag_color;

void main()
{
    frag_color = vec4(number);
}
